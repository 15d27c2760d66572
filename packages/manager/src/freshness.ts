import { isExpired, type Token, type TokenSourceOptions } from '@oa/types';
import type { Session } from './session.ts';

/**
 * Early refreshes begin two to five leeways before the expiry. The moment is random, so that many processes do not try at once.
 */
const MAX_EARLY_LEEWAYS = 5;
const MIN_EARLY_LEEWAYS = 2;
/** The share of its lifetime that a token can be asked to have left. A server that never grants more would be asked with every call. */
const MAX_VALIDITY_RATIO = 0.9;

/** Whether `token` may be handed out to a caller that asks for `wanted`. */
export function isUsable({ context }: Session, token: Token, wanted: TokenSourceOptions): boolean {
  if (token.access_token === wanted.rejected || isExpired(token, context)) return false;
  if (wanted.minimumValidity === undefined || token.expires_at === undefined) return true;
  const lifetime = token.expires_in === undefined ? Number.POSITIVE_INFINITY : token.expires_in * 1000;
  return token.expires_at * 1000 - context.now() >= Math.min(wanted.minimumValidity, lifetime * MAX_VALIDITY_RATIO);
}

/** Whether a usable token should be renewed in the background already. Never where that needs a user. */
export function isDueEarly(session: Session, token: Token): boolean {
  if (!isRefreshable(session, token) && session.grant_type !== 'client_credentials') return false;
  const leeways = MIN_EARLY_LEEWAYS + Math.random() * (MAX_EARLY_LEEWAYS - MIN_EARLY_LEEWAYS);
  return isExpired(token, { leeway: session.context.leeway * leeways, now: session.context.now });
}

/**
 * Whether `token` is renewed with a refresh token. Client credentials are obtained anew even where the server sent one (RFC 6749
 * section 4.4.3 says that it should not): a new grant can't fail because of an old refresh token.
 */
export function isRefreshable({ grant_type }: Session, token: Token): boolean {
  return token.refresh_token !== undefined && grant_type !== 'client_credentials';
}

/** Whether the resource server would still accept `token`, as far as this process can tell. */
export function isAccepted({ context }: Session, token: Token, { rejected }: TokenSourceOptions): boolean {
  return token.access_token !== rejected && !isExpired(token, { leeway: 0, now: context.now });
}
