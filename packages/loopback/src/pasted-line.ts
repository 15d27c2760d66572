/** Characters that open a quotation, with those that end it. */
const QUOTATIONS: Record<string, string> = {
  '"': '"',
  "'": "'",
  '`': '`',
  '<': '>|',
  '(': ')',
  '[': ']',
  '“': '”',
  '‘': '’',
  '«': '»',
};
/** What may stand directly before an address. A square bracket may belong to an IPv6 address. */
const OPENING = '"\'`<(“‘«';
/** The borders of a window, and the backslash of a continued line. */
const LINE_ENDS = '|│┃║▕\\ \t';
const PUNCTUATION = '.,;:!?';
/** Quotations within quotations that are removed. */
const MAX_QUOTATIONS = 5;

/**
 * Removes what programs put around a part of an address: invisible characters, the borders of a window, the marks of a quoted mail, the
 * backslash of a continued line, the escapes of a shell, and text before the address.
 */
export function cleanPastedLine(line: string, redirect_uri: string): string {
  const text = line
    .replace(/\p{Cf}/gu, '')
    .replace(/^(?:[>|│┃║▏]\s*)+/u, '')
    // A shell escapes characters, and so do JSON and HTML.
    .replace(/[\\^](?=[?&=/])/g, '')
    .replace(/\\u0026|&amp;/gi, '&');
  return withoutEnd(text.slice(indexOfAddress(text, redirect_uri)), LINE_ENDS);
}

/**
 * Splits pasted lines that have the address more than once: the user has pasted it twice. In a wrapped paste the end of the first address then
 * stands directly before the second one.
 */
export function splitPastedLines(lines: readonly string[], redirect_uri: string): string[] {
  return lines.flatMap((line, row) => {
    const [first = 0, ...others] = Array.from(line.matchAll(toAddressPattern(redirect_uri)), ({ index }) => index);
    const isEnd = row > 0 && /^[\w.~%+/?&=-]+$/.test(line.slice(0, first));
    const starts = isEnd ? [0, first, ...others] : [0, ...others];
    return starts.map((start, part) => line.slice(start, starts[part + 1]));
  });
}

/** What the addresses of the receiver of `redirect_uri` begin with. */
function toAddressPattern(redirect_uri: string): RegExp {
  const { port } = new URL(redirect_uri);
  return new RegExp(String.raw`https?:\/\/(?:[\w.-]+|\[[\da-f:.]+\]):${port}\/`, 'gi');
}

/** Where the address and its quotation begin, 0 if the line has no address of the redirect URI. */
function indexOfAddress(text: string, redirect_uri: string): number {
  let index = Math.max(0, text.search(toAddressPattern(redirect_uri)));
  while (index > 0 && OPENING.includes(text.charAt(index - 1))) index -= 1;
  return index;
}

/** Removes quotation marks and brackets around a text, and what follows them, and the punctuation of a sentence. */
export function unquotePasted(text: string, level: number = 0): string {
  const closing = QUOTATIONS[text.charAt(0)];
  if (closing === undefined || isIpv6Address(text) || level === MAX_QUOTATIONS)
    return withoutEnd(withoutRest(text), PUNCTUATION);
  const inner = text.slice(1);
  const end = Math.min(...Array.from(closing, (character) => indexOfClosing(inner, character)));
  return unquotePasted(inner.slice(0, end), level + 1);
}

/** The opening character may stand before other text, such as `<URL:`. No query has these characters. */
function withoutRest(text: string): string {
  const query = text.indexOf('?');
  const bracket = query === -1 ? -1 : text.indexOf(']', query);
  return text.slice(0, bracket === -1 ? undefined : bracket).replace(/["<>`|].*$/s, '');
}

/** A bracket at the start is the host of an address without its scheme. */
function isIpv6Address(text: string): boolean {
  return /^\[[\da-f:.]+\]:\d/i.test(text);
}

/** An address may have round brackets in it, so the last one is taken. */
function indexOfClosing(text: string, character: string): number {
  const index = character === ')' ? text.lastIndexOf(character) : text.indexOf(character);
  return index === -1 ? text.length : index;
}

function withoutEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}
