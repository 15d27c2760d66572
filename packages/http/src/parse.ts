/** JSON that is nested deeper comes from nobody honest, and overflows the stack of whoever walks through it or writes it. */
const DEEPEST = 64;

/** The JSON value in `text`, or `undefined` if it holds none that can be used. */
export function parsedJson(text: string): unknown {
  try {
    const json = JSON.parse(text) as unknown;
    return isDeeperThan(json, DEEPEST) ? undefined : json;
  } catch {
    // A SyntaxError, the only one there is. It is not kept: its message quotes the text.
    return undefined;
  }
}

function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((member) => isDeeperThan(member, depth - 1));
}
