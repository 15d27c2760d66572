import { isLoopbackHost } from '@oa/types/rfc';

/** A line that begins an address, with or without its scheme. */
const ADDRESS_START = /^["'`<(“‘«]*(?:https?:\/\/|(?:localhost|127\.\d+\.\d+\.\d+|\[[\da-f:]+\]):\d+)/i;
/** A line that begins with the path or with the query only. */
const QUERY_START = /^["'`<(“‘«]*(?:\/[^\s?]*\?|\?|(?:code|state|error|iss)=)/i;
/** The end that belongs to an opening character. */
const CLOSING_CHARACTERS: Record<string, string> = {
  '"': '"',
  "'": "'",
  '`': '`',
  '<': '>',
  '(': ')',
  '“': '”',
  '‘': '’',
  '«': '»',
};

/** Groups lines that arrived together: an address with the lines that may continue it, and other lines. */
export function toPastedGroups(lines: readonly string[]): string[][] {
  const groups: string[][] = [];
  let isAnswer = false;
  for (const line of lines) {
    const isStart: boolean = ADDRESS_START.test(line) || (!isAnswer && QUERY_START.test(line));
    // An address has no spaces.
    const isSameKind: boolean = !isAnswer || !/\s/.test(line);
    if (groups.length === 0 || isStart || !isSameKind) groups.push([line]);
    else groups.at(-1)?.push(line);
    isAnswer = isStart || (isAnswer && isSameKind);
  }
  return groups;
}

/**
 * The URLs of the callback that a group of lines may mean, the one with most lines first. Only one with the right `state` is the answer.
 *
 * An address is accepted in quotes or brackets, with another spelling of the loopback host, with `https`, without its scheme, or only
 * from the path or the query on.
 */
export function toPastedUrls(group: readonly string[], redirect_uri: string): string[] {
  return group.flatMap((_, index) => {
    const text = group.slice(0, group.length - index).join('');
    return toPastedUrl(text, redirect_uri) ?? [];
  });
}

function toPastedUrl(text: string, redirect_uri: string): string | undefined {
  // A shell escapes characters, and so does HTML.
  const address = unquote(text)
    .replace(/\\(?=[?&=])/g, '')
    .replaceAll('&amp;', '&');
  const base = new URL(redirect_uri);
  const url = parseAddress(address, base);
  const isCallback =
    url !== undefined && isLoopbackHost(url.hostname) && url.port === base.port && url.pathname === base.pathname;
  return isCallback && (url.search !== '' || url.hash !== '')
    ? `${base.origin}${base.pathname}${url.search}`
    : undefined;
}

function parseAddress(address: string, base: URL): URL | undefined {
  if (/^https?:\/\//i.test(address)) return URL.parse(address) ?? undefined;
  if (ADDRESS_START.test(address)) return URL.parse(`http://${address}`) ?? undefined;
  if (!QUERY_START.test(address)) return undefined;
  if (address.startsWith('/')) return URL.parse(`${base.origin}${address}`) ?? undefined;
  return URL.parse(`${base.origin}${base.pathname}?${address.replace(/^\?/, '')}`) ?? undefined;
}

/** Removes quotes and brackets around a text. A closing one without its opening one may belong to the address. */
function unquote(text: string): string {
  const closing = CLOSING_CHARACTERS[text.charAt(0)];
  if (closing === undefined) return text;
  return unquote(text.endsWith(closing) && text.length > 1 ? text.slice(1, -1) : text.slice(1));
}
