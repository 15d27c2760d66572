import { isExpired, type Token, type TokenSourceOptions } from '@oa/types';
import { usesRefreshToken } from './grant-type.ts';
import type { Context } from './context.ts';
import type { Session } from './session.ts';

/**
 * Early refreshes begin two to five leeways before the expiry. The moment is random, so that many processes do not try at once.
 */
export const MAX_EARLY_LEEWAYS = 5;
const MIN_EARLY_LEEWAYS = 2;
/** The share of its lifetime that a token can be asked to have left. A server that never grants more would be asked with every call. */
const MAX_VALIDITY_RATIO = 0.9;

/** Another token than one of this age would be refused for the same reason: it is for another tenant, or lacks a role. */
export const MAX_JUST_ISSUED_MS = 60_000;

/** Whether `token` may be handed out to a caller that asks for `wanted`. */
export function isUsable(session: Session, token: Token, wanted: TokenSourceOptions): boolean {
  const { context } = session;
  if (token.access_token === wanted.rejected || !isBoundAsWanted(context, token)) return false;
  if (isWithoutLifetime(session, token) && !isRefreshable(session, token)) return true;
  if (isExpired(token, context)) return false;
  if (wanted.minimumValidity === undefined || token.expires_at === undefined) return true;
  const lifetime = token.expires_in === undefined ? Number.POSITIVE_INFINITY : token.expires_in * 1000;
  return token.expires_at * 1000 - context.now() >= Math.min(wanted.minimumValidity, lifetime * MAX_VALIDITY_RATIO);
}

/** Whether a usable token should be renewed in the background already. Never where that needs a user. */
export function isDueEarly(session: Session, token: Token): boolean {
  if (!isRefreshable(session, token) && session.needsUser) return false;
  const leeways = MIN_EARLY_LEEWAYS + Math.random() * (MAX_EARLY_LEEWAYS - MIN_EARLY_LEEWAYS);
  return isExpired(token, { leeway: session.context.leeway * leeways, now: session.context.now });
}

/**
 * Whether `token` is renewed with a refresh token. Client credentials are obtained anew even where the server sent one (RFC 6749
 * section 4.4.3 says that it should not): a new grant can't fail because of an old refresh token. With an assertion a refresh token would
 * outlive what it was obtained for (RFC 7521 section 4.1).
 */
export function isRefreshable({ context, grant_type }: Session, token: Token): boolean {
  return token.refresh_token !== undefined && usesRefreshToken(grant_type) && isBoundAsWanted(context, token);
}

/** Whether the token is bound to a key, where the program accepts no other one. A refresh would not bind it. */
export function isBoundAsWanted({ options }: Context, token: Token): boolean {
  return options.dpop !== true || (token.token_type === 'DPoP' && typeof token.dpop_key?.d === 'string');
}

/**
 * Whether a user has logged in for a token without a lifetime (`expires_in` of 0 or less). Where it can't be refreshed it is used until the
 * resource server refuses it: the next one would have no lifetime either, and the user would be asked again and again.
 */
export function isWithoutLifetime({ needsUser }: Session, { expires_in = 1 }: Token): boolean {
  return expires_in <= 0 && needsUser;
}

/**
 * Whether the user would have to log in again for another token than `token`, which a resource server has just refused, although it was
 * issued seconds ago.
 */
export function isLoginPointless(session: Session, token: Token): boolean {
  const { context } = session;
  if (!session.needsUser || isRefreshable(session, token)) return false;
  const time = context.issuedAt.get(token.access_token) ?? issueTimeOf(token);
  return time !== undefined && Math.abs(context.now() - time) < MAX_JUST_ISSUED_MS;
}

/** Milliseconds since the epoch. */
function issueTimeOf({ expires_at, expires_in }: Token): number | undefined {
  return expires_at === undefined || expires_in === undefined
    ? undefined
    : (expires_at - Math.max(expires_in, 0)) * 1000;
}

/** Whether the resource server would still accept `token`, as far as this process can tell. */
export function isAccepted(session: Session, token: Token, { rejected }: TokenSourceOptions): boolean {
  if (token.access_token === rejected || !isBoundAsWanted(session.context, token)) return false;
  return isWithoutLifetime(session, token) || !isExpired(token, { leeway: 0, now: session.context.now });
}
