import { unquotePasted } from './pasted-line.ts';

/** A line that begins an address, with or without its scheme. */
const ADDRESS_START = /^["'`<(“‘«]*(?:https?:\/\/|(?:[\w-]+\.)*(?:localhost|\d+)\.?:\d+\/|\[[\da-f:.]+\]:\d+)/i;
/** A line that begins with the path or with the query only. */
const QUERY_START = /^["'`<(“‘«]*(?:\/[^\s?]*\?|\?|(?:code|state|session_state|error|iss|scope)=)/i;
/** A line that ends within the host of an address. */
const PARTIAL_ORIGIN = /https?:\/\/[\w.[\]:-]*$/i;
/** The names and addresses of this machine, as `URL` writes them. */
const LOOPBACK_HOST =
  /^(?:(?:[\w-]+\.)*localhost\.?|ip6-(?:localhost|loopback)|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[::1?\]|\[::ffff:7f[\da-f]{2}:[\da-f]{1,4}\])$/;

/** A terminal of 20 columns wraps an address of 4,000 characters into so many lines. */
const MAX_WRAPPED_LINES = 200;

/** Groups lines that arrived together: an address with the lines that may continue it, and other lines. */
export function toPastedGroups(lines: readonly string[]): string[][] {
  const groups: string[][] = [];
  let isAnswer = false;
  for (const line of lines) {
    const isStart: boolean =
      (ADDRESS_START.test(line) && !isContinuation(line, groups.at(-1))) || (!isAnswer && QUERY_START.test(line));
    // An address has no spaces.
    const isSameKind: boolean = !isAnswer || !/\s/.test(line);
    if (groups.length === 0 || isStart || !isSameKind) groups.push([line]);
    else groups.at(-1)?.push(line);
    isAnswer = isStart || (isAnswer && isSameKind);
  }
  return groups;
}

/** Whether an address was wrapped within its host, or before the value of `iss`, so that the next line looks like an address. */
function isContinuation(line: string, group: readonly string[] = []): boolean {
  const before = group.at(-1) ?? '';
  return /^https?:/i.test(line) ? before.endsWith('=') : PARTIAL_ORIGIN.test(before);
}

/**
 * The URLs of the callback that a group of lines may mean, the one with most lines first. Only one with the right `state` is the answer.
 *
 * An address is accepted in quotes or brackets, with another spelling of the loopback host, with `https`, without its scheme, or only
 * from the path or the query on.
 */
export function toPastedUrls(group: readonly string[], redirect_uri: string): string[] {
  const lines = group.slice(0, MAX_WRAPPED_LINES);
  return lines.flatMap((_, index) => toReadings(lines.slice(0, lines.length - index).join(''), redirect_uri));
}

/**
 * A space may stand within the address, or before other text. Half a code must never be sent, and no code with other text: if the readings
 * have different codes, and the same state, there is none.
 */
function toReadings(text: string, redirect_uri: string): string[] {
  const readings = /\s/.test(text) ? [text.replace(/\s+/g, ''), text.replace(/\s.*$/s, '')] : [text];
  const urls = readings.map((each) => toPastedUrl(each, redirect_uri)).filter((each) => each !== undefined);
  const [joined, cut = joined] = urls.map((each) => new URL(each).searchParams);
  const isAmbiguous = joined?.get('state') === cut?.get('state') && joined?.get('code') !== cut?.get('code');
  return isAmbiguous ? [] : urls;
}

function toPastedUrl(text: string, redirect_uri: string): string | undefined {
  const base = new URL(redirect_uri);
  const url = parseAddress(unquotePasted(text), base);
  const isCallback =
    url !== undefined &&
    LOOPBACK_HOST.test(url.hostname) &&
    url.port === base.port &&
    withoutSlash(url.pathname) === withoutSlash(base.pathname);
  return isCallback && (url.search !== '' || url.hash !== '')
    ? `${base.origin}${base.pathname}${url.search}`
    : undefined;
}

function withoutSlash(path: string): string {
  return path.replace(/\/$/, '');
}

function parseAddress(address: string, base: URL): URL | undefined {
  if (/^https?:\/\//i.test(address)) return URL.parse(address) ?? undefined;
  if (ADDRESS_START.test(address)) return URL.parse(`http://${address}`) ?? undefined;
  if (!QUERY_START.test(address)) return undefined;
  if (address.startsWith('/')) return URL.parse(`${base.origin}${address}`) ?? undefined;
  return URL.parse(`${base.origin}${base.pathname}?${address.replace(/^\?/, '')}`) ?? undefined;
}
