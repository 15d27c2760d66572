import { attempt, type Token } from '@oa/types';
import { loginRequired } from './login-required.ts';
import { reasonNoGrant } from './obtain.ts';
import { findOtherResource } from './other-resource.ts';
import { refreshWaitMs } from './refresh.ts';
import type { GrantOptions, Session } from './session.ts';
import { isOfUse } from './stored.ts';
import { tellUser } from './tell-user.ts';

/** A refresh takes less, so the wait is for a login. */
const MIN_LOGIN_WAIT_MS = 2000;

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
  const { context, issuer, needsUser } = session;
  let isTold = false;
  let sharedUntil: number | undefined;
  let isLoginTold = !needsUser;
  return async (stored) => {
    if (!isTold) context.emit({ type: 'waiting', issuer });
    isTold = true;
    if (isLoginTold || (stored !== undefined && isOfUse(session, stored))) return;
    sharedUntil ??= (await findOtherResource(session)) === undefined ? 0 : performance.now() + refreshWaitMs(context);
    // The other call needs no login as long as it may use the refresh token of another resource.
    if (performance.now() < sharedUntil) return;
    isLoginTold = true;
    const reason = await reasonNoGrant(session, interaction);
    if (reason !== undefined) throw loginRequired(session, { reason });
    context.emit({ type: 'login_elsewhere', issuer });
    await tellUser(session, { type: 'login_elsewhere', issuer });
  };
}

/** The same for a call that waits also where the stored token is of use, because it replaces or deletes that token. */
export function createTurnReport(session: Session, interaction: GrantOptions['interaction']): () => Promise<undefined> {
  const tellOnce = createWaitingReport(session, interaction);
  const start = performance.now();
  return async () => {
    const isForLogin = performance.now() - start >= MIN_LOGIN_WAIT_MS;
    const stored = isForLogin ? undefined : await attempt((async () => session.context.tokens.get(session.key))());
    if (stored === undefined || stored.ok) await tellOnce(stored?.value);
    return undefined;
  };
}
