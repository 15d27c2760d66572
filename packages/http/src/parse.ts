/** The JSON value in `text`, or `undefined` if it holds none. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // A SyntaxError, the only one there is. It is not kept: its message quotes the text.
    return undefined;
  }
}
