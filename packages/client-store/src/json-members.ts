/** A text in JSON, one punctuation mark, or a number or literal. Spaces between them are not matched. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/gs;

/**
 * Splits the text of a JSON object into its members. Values are not parsed, so that a number that JavaScript can't hold, such as `1e400`,
 * stays as it is. Only the spaces between the tokens are lost: each value is one line.
 *
 * @param text what `JSON.parse` accepts
 */
export function splitMembers(text: string): Map<string, string> {
  const members = new Map<string, string>();
  let depth = 0;
  let name: string | undefined;
  let value: string[] = [];
  for (const [token] of text.matchAll(TOKEN)) {
    const isClosing = token === '}' || token === ']';
    if (isClosing) depth -= 1;
    if ((depth === 1 && token === ',') || (depth === 0 && isClosing)) {
      if (name !== undefined) members.set(name, value.join(''));
      name = undefined;
      value = [];
    } else if (depth === 1 && name === undefined) name = JSON.parse(token) as string;
    // The first token of a member after its name is the colon.
    else if (depth > 0 && !(depth === 1 && token === ':')) value.push(token);
    if (token === '{' || token === '[') depth += 1;
  }
  return members;
}

/** The text of a JSON object with these members. */
export function joinMembers(members: ReadonlyMap<string, string>): string {
  return `{${[...members].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
}
