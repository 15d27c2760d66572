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
