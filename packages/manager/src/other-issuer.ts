import { attempt, isOAuthError, type OAuthError } from '@oa/types';
import type { Session } from './session.ts';
import { isAmong, type OpenOptions } from './target.ts';

/** What shows before a user is asked that a server can't serve: it does not register the program, lacks something, or is not named any more. */
const INABILITY_CODES: ReadonlySet<string> = new Set([
  'authorization_details_unsupported',
  'client_required',
  'endpoint_missing',
  'pkce_unsupported',
  'resource_mismatch',
]);

/** The errors of registrations: their codes are those of other requests too. */
const registrationFailures = new WeakSet<OAuthError>();

/** Notes that a server has not registered the program, for whatever reason: another server may. */
export function noteRegistrationFailure(error: OAuthError): OAuthError {
  registrationFailures.add(error);
  return error;
}

/** Whether another server can serve instead. */
export function isOtherIssuerNeeded({ isPinned }: Session, error: unknown): error is OAuthError {
  return !isPinned && isOAuthError(error) && (INABILITY_CODES.has(error.code) || registrationFailures.has(error));
}

/**
 * Does `work` at another server that the resource names.
 *
 * @param refusing the session whose server has ended `work` with `error`
 * @throws {OAuthError} `error`, where the resource names no other server that can serve
 */
export async function withOtherIssuer<T>(
  refusing: Session,
  error: OAuthError,
  open: (options: OpenOptions) => Promise<Session>,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const passOver = [refusing.issuer];
  for (;;) {
    const session = await open({ passOver });
    if (isAmong(session.issuer, passOver)) throw error;
    const ended = await attempt(work(session));
    if (ended.ok) return ended.value;
    if (!isOtherIssuerNeeded(session, ended.error)) throw ended.error;
    passOver.push(session.issuer);
  }
}
