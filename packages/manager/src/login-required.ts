import { DEFAULT_APP } from '@oa/private-file';
import { OAuthError } from '@oa/types';
import type { GrantOptions, Session } from './session.ts';

/** What made a login necessary. */
export interface LoginNeed {
  interaction: GrantOptions['interaction'];
  /** The server's refusal of the refresh token. */
  refusal?: OAuthError | undefined;
}

/** The error of a call that needs a user and can ask none. A stored token that can't be used is reported as what it is. */
export function loginRequired({ context, issuer, key }: Session, { interaction, refusal }: LoginNeed): OAuthError {
  const problem = context.tokens.problemOf(key);
  if (refusal === undefined && problem !== undefined) return problem;
  const { app = DEFAULT_APP, interaction: general } = context.options;
  const why = refusal === undefined ? 'No usable token is stored.' : toSentence(refusal);
  const isForbidden = (interaction ?? general) === 'never';
  return new OAuthError(
    refusal?.code === 'refresh_interrupted' ? 'refresh_interrupted' : 'login_required',
    `A user must log in at ${issuer}. ${why} No user can be asked here${isForbidden ? ", because the option interaction is 'never'" : ''}. ` +
      `Run ${app === DEFAULT_APP ? 'the program' : app} once in a terminal${isForbidden ? ", with interaction 'auto'" : ''}, or use the client credentials of a service.`,
    refusal,
  );
}

/** What the server said, or why it was not asked. */
function toSentence({ error, error_description, status, message }: OAuthError): string {
  if (status === undefined) return message;
  const said = [error, error_description].filter((each) => each !== undefined && each !== '').join(', ');
  return `The server refused to refresh the session: ${said.replace(/\.$/, '') || 'it named no reason'} (status ${status}).`;
}
