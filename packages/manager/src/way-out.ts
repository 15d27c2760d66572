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
  const outage = outageOf(session, current, error);
  if (outage === undefined) return error;
  return new OAuthError(
    error.code,
    `${error.message} The stored token expired ${Math.round(outage / 60_000)} minutes ago. If the server keeps answering so, it may not know the session any more: log in again (manager.login), or log out (manager.logout).`,
    error,
  );
}

/** Whether a login is the way out of `error`, so that it must not be what prevents the login. */
export function isLoginWayOut(session: Session, current: Token | undefined, error: OAuthError): boolean {
  return outageOf(session, current, error) !== undefined;
}

/** For how many milliseconds the token has been expired, if the server fails to refresh it for long. */
function outageOf(session: Session, current: Token | undefined, { status = 0 }: OAuthError): number | undefined {
  if (current?.expires_at === undefined || status < 500 || !isRefreshable(session, current)) return undefined;
  const age = session.context.now() - current.expires_at * 1000;
  return age < LONG_OUTAGE_MS ? undefined : age;
}
