import { isObject } from '@oa/mechanisms';
import { attempt, isShareableError, type Token } from '@oa/types';
import type { ManagerLoginOptions } from './manager-interface.ts';
import { loginRequired } from './login-required.ts';
import { reasonNoGrant } from './obtain.ts';
import { rememberOutcome } from './renewal.ts';
import type { GrantOptions, Session } from './session.ts';
import { createTurnReport } from './waiting.ts';
import { isLoginWayOut } from './way-out.ts';

const MANAGER_LOGIN_OPTION_NAMES = ['parameters', 'signal'];

/** Credentials have these parameters: a login with others would store the token under a key that promises something else. */
const PARAMETERS_OF_CREDENTIALS = ['scope', 'resource', 'audience', 'authorization_details'];

/** @throws {TypeError} that names the option or parameter, if it is unknown or belongs to the credentials */
export function assertLoginNowOptions(options: ManagerLoginOptions): void {
  const unknown = Object.keys(options).find((name) => !MANAGER_LOGIN_OPTION_NAMES.includes(name));
  // A `prompt` that is not sent would log in the wrong account.
  if (unknown !== undefined)
    throw new TypeError(
      `login has no option ${unknown}. Use ${MANAGER_LOGIN_OPTION_NAMES.join(', ')}: { parameters: { prompt } }.`,
    );
  const { parameters = {} } = options;
  if (!isObject(parameters)) throw new TypeError('options.parameters must be an object of strings.');
  const misplaced = PARAMETERS_OF_CREDENTIALS.find((name) => parameters[name] !== undefined);
  if (misplaced !== undefined)
    throw new TypeError(`options.parameters.${misplaced} belongs to the credentials. Pass it there.`);
}

/**
 * Makes the grant of the session now, and stores the token. Calls of one manager that ask for the same share one login.
 *
 * @throws {OAuthError} `login_required`, if no user can be asked; else the error of the grant or of the store
 */
export async function loginNow(session: Session, { parameters, signal }: ManagerLoginOptions): Promise<Token> {
  const { options } = session.context;
  const interaction = options.interaction === 'always' ? 'always' : 'auto';
  const reason = await reasonNoGrant(session, interaction);
  if (reason !== undefined) throw loginRequired(session, { reason, isRequested: true });
  return shareLogin(session, { parameters, interaction }, signal);
}

/** A login that several calls may share. */
export interface SharedLogin extends Pick<GrantOptions, 'parameters' | 'interaction'> {
  /** Looks, with the lock held, whether another process has stored what the login is for. */
  adopt?: (() => Promise<Token | undefined>) | undefined;
}

/** Makes the grant of the session, one at a time over all processes. Calls of one manager with the same parameters share it. */
export async function shareLogin(
  session: Session,
  login: SharedLogin,
  signal: AbortSignal | undefined,
): Promise<Token> {
  const flight = JSON.stringify([session.flight, 'login', login.parameters]);
  return session.context.renewals.run(flight, (shared) => loginInTurn(session, { ...login, signal: shared }), signal);
}

/** The failure of another call that held the lock before, a refresh for example, is no answer to this user. */
async function loginInTurn(session: Session, options: GrantOptions & SharedLogin): Promise<Token> {
  const { context, key } = session;
  const { signal } = options;
  const whileWaiting = createTurnReport(session, options.interaction);
  for (;;) {
    let started = false;
    const work = (): Promise<Token> => {
      started = true;
      return loginLocked(session, options);
    };
    const ended = await attempt(context.tokens.lock(key, work, { signal, whileWaiting }));
    if (ended.ok) return ended.value;
    const { error } = ended;
    if (started || error.code === 'lock_timeout' || !isShareableError(error)) throw error;
  }
}

async function loginLocked(session: Session, { adopt, ...options }: GrantOptions & SharedLogin): Promise<Token> {
  options.signal.throwIfAborted();
  const adopted = await adopt?.();
  if (adopted !== undefined) return adopted;
  // A server that has asked for a pause would refuse the token only after the user has logged in.
  const { tokens } = session.context;
  const failures = await session.context.failures();
  const remembered = await failures.find(session);
  const stored = remembered && (await attempt((async () => tokens.get(session.key))()));
  if (remembered !== undefined && !(stored?.ok && isLoginWayOut(session, stored.value, remembered))) throw remembered;
  const outcome = await session.obtain('login_requested', options);
  await rememberOutcome(session, outcome);
  if (outcome.type !== 'renewed') throw outcome.error;
  // What the server could not meet may be met now.
  failures.forgetDemands(session);
  return outcome.token;
}
