import { isExpired, type Token, type TokenSourceOptions } from '@oa/types';
import type { Session } from './session.ts';

/**
 * Early refreshes begin two to five leeways before the expiry. The moment is random, so that many processes do not try at once.
 */
const MAX_EARLY_LEEWAYS = 5;
const MIN_EARLY_LEEWAYS = 2;
/** The share of its lifetime that a token can be asked to have left. A server that never grants more would be asked with every call. */
const MAX_VALIDITY_RATIO = 0.9;

/** Another token than one of this age would be refused for the same reason: it is for another tenant, or lacks a role. */
const MAX_JUST_ISSUED_MS = 60_000;

/** Whether `token` may be handed out to a caller that asks for `wanted`. */
export function isUsable(session: Session, token: Token, wanted: TokenSourceOptions): boolean {
  const { context } = session;
  if (token.access_token === wanted.rejected) return false;
  if (needsUserAtOnce(session, token)) return true;
  if (isExpired(token, context)) return false;
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

/**
 * Whether a token without a lifetime (`expires_in` of 0 or less) could be replaced only by asking the user again and again. It is used
 * until the resource server refuses it.
 */
function needsUserAtOnce(session: Session, token: Token): boolean {
  const { expires_in = 1 } = token;
  return expires_in <= 0 && session.grant_type !== 'client_credentials' && !isRefreshable(session, token);
}

/**
 * Whether no other token than `token`, which a resource server has just refused, would help: it was issued seconds ago, and it replaced
 * another refused token, or a user would have to log in again.
 */
export function isPointlessToReplace(session: Session, token: Token): boolean {
  const { context, grant_type } = session;
  const isRecent = (time: number | undefined): boolean =>
    time !== undefined && Math.abs(context.now() - time) < MAX_JUST_ISSUED_MS;
  if (isRecent(context.replacedAt.get(token.access_token))) return true;
  const needsUser = grant_type !== 'client_credentials' && !isRefreshable(session, token);
  return needsUser && isRecent(context.issuedAt.get(token.access_token) ?? issueTimeOf(token));
}

/** Milliseconds since the epoch. */
function issueTimeOf({ expires_at, expires_in }: Token): number | undefined {
  return expires_at === undefined || expires_in === undefined
    ? undefined
    : (expires_at - Math.max(expires_in, 0)) * 1000;
}

/** Whether the resource server would still accept `token`, as far as this process can tell. */
export function isAccepted({ context }: Session, token: Token, { rejected }: TokenSourceOptions): boolean {
  return token.access_token !== rejected && !isExpired(token, { leeway: 0, now: context.now });
}
