import { isExpired, type Token, type TokenSourceOptions } from '@oa/types';
import type { Context } from './context.ts';
import type { Session } from './session.ts';

/** Early refreshes are spread over two to five leeways before the expiry, so that many processes do not try at once. */
const EARLIEST = 5;
const LATEST = 2;
/** Of a lifetime: nobody can have a token that stays valid for longer than the server makes them. */
const LONGEST_VALIDITY = 0.9;

/** Whether `token` may be handed out to a caller who asked for this. */
export function isFresh(context: Context, token: Token, wanted: TokenSourceOptions): boolean {
  if (token.access_token === wanted.rejected || isExpired(token, context)) return false;
  if (wanted.minimumValidity === undefined || token.expires_at === undefined) return true;
  const lifetime = token.expires_in === undefined ? Number.POSITIVE_INFINITY : token.expires_in * 1000;
  return token.expires_at * 1000 - context.now() >= Math.min(wanted.minimumValidity, lifetime * LONGEST_VALIDITY);
}

/** Whether a token that is still fresh should be renewed already, in the background: not where that would need a person. */
export function isEarly(context: Context, session: Session, token: Token): boolean {
  if (session.grant_type !== 'client_credentials' && token.refresh_token === undefined) return false;
  const factor = LATEST + Math.random() * (EARLIEST - LATEST);
  return isExpired(token, { leeway: context.leeway * factor, now: context.now });
}

/** Whether the resource server would still accept `token`, as far as one can know. */
export function isAlive(context: Context, token: Token, wanted: TokenSourceOptions): boolean {
  return token.access_token !== wanted.rejected && !isExpired(token, { leeway: 0, now: context.now });
}
