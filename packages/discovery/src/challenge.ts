/** One challenge of a `WWW-Authenticate` header (RFC 9110 section 11.6.1). */
export interface Challenge {
  /** In lower case (`bearer`, `dpop`), since schemes are compared without regard to case. */
  scheme: string;
  /** What some schemes send instead of parameters. */
  token68?: string;
  /** By name in lower case, quotes and escapes removed. The object has no prototype. */
  parameters: Record<string, string>;
}

const SEPARATORS = /[ \t,]*/y;
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const EQUALS = /[ \t]*=[ \t]*/y;
/** Servers write URLs without quotes, which the grammar forbids and nothing makes ambiguous. */
const UNQUOTED = /[^ \t,"]+/y;
const TOKEN68 = /[ \t]+([A-Za-z0-9\-._~+/]+=*)[ \t]*(?=,|$)/y;
const UP_TO_COMMA = /[^,]*/y;

/**
 * The challenges in a `WWW-Authenticate` header, in the order of the header. Several headers may be joined by commas, as
 * `Headers.get` does it.
 *
 * Takes any text in linear time and never throws on it: what it does not understand is left out. Of a parameter given
 * twice the first one counts.
 */
export function parseChallenges(header: string | null): Challenge[] {
  const challenges: Challenge[] = [];
  const scanner = scan(header ?? '');
  while (!scanner.atEnd()) {
    scanner.take(SEPARATORS);
    const word = scanner.take(TOKEN)?.[0].toLowerCase();
    if (word === undefined) {
      scanner.take(UP_TO_COMMA);
    } else if (scanner.take(EQUALS) === null) {
      const token68 = scanner.take(TOKEN68)?.[1];
      const parameters = Object.create(null) as Record<string, string>;
      challenges.push({ scheme: word, ...(token68 !== undefined && { token68 }), parameters });
    } else {
      const value = scanner.takeQuoted() ?? scanner.take(UNQUOTED)?.[0];
      const parameters = challenges.at(-1)?.parameters;
      if (parameters !== undefined && value !== undefined) parameters[word] ??= value;
    }
  }
  return challenges;
}

interface Scanner {
  atEnd: () => boolean;
  /** The match at the position, which then moves behind it. */
  take: (pattern: RegExp) => RegExpExecArray | null;
  /** A quoted string, without quotes and escapes. Not by a pattern, which runs out of stack on a long one. */
  takeQuoted: () => string | undefined;
}

function scan(text: string): Scanner {
  let position = 0;
  return {
    atEnd: () => position >= text.length,
    take: (pattern) => {
      pattern.lastIndex = position;
      const match = pattern.exec(text);
      if (match !== null) position = pattern.lastIndex;
      return match;
    },
    takeQuoted: () => {
      if (text[position] !== '"') return undefined;
      for (let end = position + 1; end < text.length; end += 1) {
        if (text[end] === '\\') end += 1;
        else if (text[end] === '"') {
          const content = text.slice(position + 1, end);
          position = end + 1;
          return content.replace(/\\([^])/g, '$1');
        }
      }
      return undefined;
    },
  };
}
