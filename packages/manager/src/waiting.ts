import type { Token } from '@oa/types';
import { reasonNoGrant } from './obtain.ts';
import type { GrantOptions, Session } from './session.ts';
import { isOfUse } from './stored.ts';
import { tellUser } from './tell-user.ts';

/**
 * Creates a function that tells once that this call waits for another one, and once that the user must log in elsewhere: only a login helps
 * where the stored token is of no use. A call that could not ask the user itself does not say so.
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
    if ((await reasonNoGrant(session, interaction)) !== undefined) return;
    context.emit({ type: 'login_elsewhere', issuer });
    await tellUser(session, { type: 'login_elsewhere', issuer });
  };
}
