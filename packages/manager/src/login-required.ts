import { DEFAULT_APP } from '@oa/private-file';
import { OAuthError } from '@oa/types';
import type { Session } from './session.ts';

/** What made a login necessary, and why there is none. */
export interface LoginNeed {
  /** Why no user can be asked, in whole sentences. */
  reason: string;
  /** The server's refusal of the refresh token. */
  refusal?: OAuthError | undefined;
  /** Whether the caller wants a login, whatever is stored. */
  isRequested?: boolean | undefined;
}

/** The error of a call that needs a user and can ask none. A stored token that can't be used is reported as what it is. */
export function loginRequired(
  { context, issuer, key, isSecretUnset }: Session,
  { reason, refusal, isRequested = false }: LoginNeed,
): OAuthError {
  const problem = context.tokens.problemOf(key);
  if (refusal === undefined && problem !== undefined) return problem;
  const { app = DEFAULT_APP } = context.options;
  const stored = isRequested ? '' : ' No usable token is stored.';
  const why = refusal === undefined ? stored : ` ${toSentence(refusal)}`;
  const unset = isSecretUnset
    ? ' credentials.client_secret is undefined, which means a login of a user. Is the environment variable set?'
    : '';
  return new OAuthError(
    refusal?.code === 'refresh_interrupted' ? 'refresh_interrupted' : 'login_required',
    `A user must log in at ${issuer}.${why} ${reason}${unset} ` +
      `Log in with ${app === DEFAULT_APP ? 'the program' : app} in a terminal (manager.login), or use the client credentials of a service.`,
    refusal,
  );
}

/** What the server said, or why it was not asked. */
function toSentence({ code, error, error_description, status, message }: OAuthError): string {
  if (status === undefined || code === 'refresh_interrupted') return message;
  const said = [error, error_description].filter((each) => each !== undefined && each !== '').join(', ');
  return `The server refused to refresh the session: ${said.replace(/\.$/, '') || 'it named no reason'} (status ${status}).`;
}
