import { setBounded } from '@oa/mechanisms';
import type { Context } from './context.ts';

const REREAD_PAUSE_MS = 60_000;
const MAX_REREAD_ADDRESSES = 1000;

/**
 * Whether the metadata of a server or a resource may be read again, at most once a minute: one whose endpoint is missing for good, or that
 * refuses every token, must not be asked with every call.
 *
 * @param address the issuer, or the URL of the resource
 */
export function mayAskAgain({ askedAgainAt, now }: Context, address: string): boolean {
  const at = now();
  if (at < (askedAgainAt.get(address) ?? Number.NEGATIVE_INFINITY) + REREAD_PAUSE_MS) return false;
  setBounded(askedAgainAt, address, at, MAX_REREAD_ADDRESSES);
  return true;
}

/** Notes that this process has read the metadata of a resource from its server. */
export function noteRead({ readAt, now }: Context, url: string): void {
  setBounded(readAt, url, now(), MAX_REREAD_ADDRESSES);
}

/** Whether this process has read the metadata of a resource a moment ago, so that it need not be read again before a login. */
export function wasJustRead({ readAt, now }: Context, url: string): boolean {
  return now() < (readAt.get(url) ?? Number.NEGATIVE_INFINITY) + REREAD_PAUSE_MS;
}
