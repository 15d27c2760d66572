/**
 * One challenge of a `WWW-Authenticate` header.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
 */
export interface Challenge {
  /** In lower case (`bearer`, `dpop`): schemes are case-insensitive. */
  scheme: string;
  /** The single value that some schemes send instead of parameters. */
  token68?: string | undefined;
  /** Values by lower-case name, without quotes and escapes. The object has no prototype. */
  parameters: Record<string, string>;
}

const SEPARATORS = /[ \t,]*/y;
const TOKEN_CHARACTERS = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const EQUALS_SIGN = /[ \t]*=[ \t]*/y;
/** Some servers write URLs without quotes. The grammar forbids it, but it is not ambiguous. */
const UNQUOTED_VALUE = /[^ \t,"]+/y;
const TOKEN68 = /[ \t]+([A-Za-z0-9\-._~+/]+=*)[ \t]*(?=,|$)/y;
const UP_TO_COMMA = /[^,]*/y;

/**
 * Parses a `WWW-Authenticate` header. Several headers may be joined by commas, as `Headers.get` joins them.
 *
 * Accepts any text, in linear time, and never throws: it skips what it does not understand. If a parameter is repeated, the first
 * value counts.
 *
 * @example
 * ```ts
 * const response = await fetch('https://api.example/v1');
 * const [challenge] = parseChallenges(response.headers.get('www-authenticate'));
 * console.log(challenge?.scheme, challenge?.parameters['resource_metadata']);
 * ```
 *
 * @returns the challenges in the order of the header
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
 */
export function parseChallenges(header: string | null): Challenge[] {
  const challenges: Challenge[] = [];
  // Callers without types pass other values too: the headers of Node.js are arrays in `headersDistinct`.
  const given: unknown = header ?? '';
  const scanner = createScanner(String(given));
  while (!scanner.atEnd()) {
    scanner.take(SEPARATORS);
    const word = scanner.take(TOKEN_CHARACTERS)?.[0].toLowerCase();
    if (word === undefined) {
      scanner.take(UP_TO_COMMA);
    } else if (scanner.take(EQUALS_SIGN) === null) {
      challenges.push(createChallenge(word, scanner.take(TOKEN68)?.[1]));
    } else {
      const value = scanner.takeQuoted() ?? scanner.take(UNQUOTED_VALUE)?.[0];
      const parameters = challenges.at(-1)?.parameters;
      if (parameters !== undefined && value !== undefined) parameters[word] ??= value;
    }
  }
  return challenges;
}

function createChallenge(scheme: string, token68: string | undefined): Challenge {
  const parameters = Object.create(null) as Record<string, string>;
  return token68 === undefined ? { scheme, parameters } : { scheme, token68, parameters };
}

interface HeaderScanner {
  atEnd: () => boolean;
  /** Returns the match at the current position, and moves the position behind it. */
  take: (pattern: RegExp) => RegExpExecArray | null;
  /** Returns a quoted string without quotes and escapes. A regular expression would overflow the stack on a long one. */
  takeQuoted: () => string | undefined;
}

function createScanner(text: string): HeaderScanner {
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
