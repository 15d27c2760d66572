/** Characters that open a quotation, with the ones that end it. */
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
/** What may stand directly before an address. A bracket may belong to an IPv6 address. */
const OPENING = '["\'`<(“‘«]';

/**
 * Removes what programs put around a part of an address: invisible characters, the borders of a window, the marks of a quoted mail, the
 * backslash of a continued line, the escapes of a shell, and text before the address.
 */
export function cleanPastedLine(line: string, redirect_uri: string): string {
  const text = line
    .replace(/\p{Cf}/gu, '')
    .replace(/^(?:[>|│┃║▏]\s*)+/u, '')
    .replace(/\s*[|│┃║▕\\]+$/u, '')
    // A shell escapes characters, and so do JSON and HTML.
    .replace(/[\\^](?=[?&=/])/g, '')
    .replace(/\\u0026|&amp;/gi, '&');
  const { port } = new URL(redirect_uri);
  const beforeAddress = new RegExp(String.raw`^.*?(?=${OPENING}*https?:\/\/(?:[\w.-]+|\[[\da-f:.]+\]):${port}\/)`, 'i');
  return text.replace(beforeAddress, '');
}

/** Removes quotation marks and brackets around a text, and what follows them, and the punctuation of a sentence. */
export function unquotePasted(text: string): string {
  const closing = QUOTATIONS[text.charAt(0)];
  if (closing === undefined || isIpv6Address(text)) return withoutEnd(text);
  const inner = text.slice(1);
  const end = Math.min(...Array.from(closing, (character) => indexOfClosing(inner, character)));
  return unquotePasted(inner.slice(0, end));
}

/** The opening character may stand before other text, such as `<URL:`. No query has these characters. */
function withoutEnd(text: string): string {
  return text.replace(/["<>`|].*$|(?<=\?.*)\].*$/s, '').replace(/[.,;:!?]+$/, '');
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
