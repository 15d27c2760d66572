import type { Token } from '@oa/types';
import { loginRequired } from './login-required.ts';
import { reasonNoGrant } from './obtain.ts';
import type { GrantOptions, Session } from './session.ts';
import { isOfUse } from './stored.ts';
import { tellUser } from './tell-user.ts';

/**
 * Creates a function that tells once that this call waits for another one, and once that the user must log in elsewhere: only a login helps
 * where the stored token is of no use. A call that may ask no user does not wait for a login.
 *
 * @throws {OAuthError} `login_required`, from the function it creates
 */
export function createWaitingReport(
  session: Session,
  interaction: GrantOptions['interaction'],
): (stored: Token | undefined) => Promise<void> {
  const { context, issuer, grant_type } = session;
  let isTold = false;
  let isLoginTold = grant_type === 'client_credentials';
  return async (stored) => {
    if (!isTold) context.emit({ type: 'waiting', issuer });
    isTold = true;
    if (isLoginTold || (stored !== undefined && isOfUse(session, stored))) return;
    isLoginTold = true;
    const reason = await reasonNoGrant(session, interaction);
    if (reason !== undefined) throw loginRequired(session, { reason });
    context.emit({ type: 'login_elsewhere', issuer });
    await tellUser(session, { type: 'login_elsewhere', issuer });
  };
}
