import type { IgnoredReason } from './addresses.ts';

/** Every web site can send answers without `state`: only the first few are shown. */
const MAX_UNVERIFIED_TEXTS = 3;

/** What has arrived while a login waits, other than its answer. */
export interface Seen {
  /** The number of ignored requests and pasted texts, by reason. */
  counts: Map<IgnoredReason | 'pasted', number>;
  /** What answers without `state` said. */
  unverified: string[];
}

export function createSeen(): Seen {
  return { counts: new Map(), unverified: [] };
}

/** Counts a request or a pasted text. */
export function countSeen({ counts }: Seen, reason: IgnoredReason | 'pasted'): void {
  counts.set(reason, (counts.get(reason) ?? 0) + 1);
}

/** The number of ignored requests, without those that browsers send by themselves. */
export function countIgnored({ counts }: Seen): number {
  return [...counts].reduce((sum, [reason, count]) => (['routine', 'pasted'].includes(reason) ? sum : sum + count), 0);
}

/** Keeps what an answer without `state` said. Returns whether it is new. */
export function keepUnverified({ unverified }: Seen, text: string): boolean {
  if (unverified.includes(text) || unverified.length >= MAX_UNVERIFIED_TEXTS) return false;
  unverified.push(text);
  return true;
}

/** What a login that has timed out has seen, as sentences. `isOpened`: whether a browser has opened the start address. */
export function toSeenText(seen: Seen, isOpened: boolean): string {
  const { counts, unverified } = seen;
  const opened = isOpened ? 'A browser was sent to the server.' : 'No browser has opened the login here.';
  const others = ['host', 'path', 'method', 'user'] as const;
  const other = others.reduce((sum, reason) => sum + (counts.get(reason) ?? 0), 0);
  const told = [
    toCountText(counts.get('state'), 'answer had', 'answers had', 'no state or that of another login'),
    toCountText(
      counts.get('headers'),
      'request had',
      'requests had',
      'too many cookies: delete those of 127.0.0.1 and localhost in the browser',
    ),
    toCountText(counts.get('pasted'), 'pasted text was', 'pasted texts were', 'not the address that the login ends on'),
    toCountText(other, 'request was', 'requests were', 'no answer to a login'),
  ].filter((text) => text !== undefined);
  const arrived =
    told.length === 0 ? 'No answer has arrived.' : `No answer to this login has arrived. ${told.join(' ')}`;
  const unverifiedText =
    unverified.length === 0 ? '' : ` Answers that could not be verified arrived: ${unverified.join('; ')}.`;
  return `${opened} ${arrived}${unverifiedText}`;
}

function toCountText(count: number | undefined, one: string, many: string, what: string): string | undefined {
  if (count === undefined || count === 0) return undefined;
  return count === 1 ? `1 ${one} ${what}.` : `${count} ${many} ${what}.`;
}
