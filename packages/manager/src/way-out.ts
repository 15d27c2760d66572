import { OAuthError, type Token } from '@oa/types';
import { isRefreshable } from './freshness.ts';
import type { Session } from './session.ts';

/** A restart of a server takes less. */
const LONG_OUTAGE_MS = 600_000;

/**
 * The error of a refresh that the server could not answer. If the token has been expired for long, the user may be locked out by a session
 * that this server can not refresh any more, and learns what helps.
 */
export function withWayOut(session: Session, current: Token | undefined, error: OAuthError): OAuthError {
  const { status = 0, code, message } = error;
  if (current?.expires_at === undefined || status < 500 || !isRefreshable(session, current)) return error;
  const age = session.context.now() - current.expires_at * 1000;
  if (age < LONG_OUTAGE_MS) return error;
  return new OAuthError(
    code,
    `${message} The stored token expired ${Math.round(age / 60_000)} minutes ago. If the server keeps answering so, it may not know the session any more: log in again (manager.login), or log out (manager.logout).`,
    error,
  );
}
