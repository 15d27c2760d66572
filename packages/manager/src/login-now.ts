import { isObject } from '@oa/mechanisms';
import { attempt, isShareableError, type Token } from '@oa/types';
import type { ManagerLoginOptions } from './manager-interface.ts';
import { loginRequired } from './login-required.ts';
import { reasonNoGrant } from './obtain.ts';
import { rememberOutcome } from './renewal.ts';
import type { GrantOptions, Session } from './session.ts';
import { createTurnReport } from './waiting.ts';

const OPTION_NAMES = ['parameters', 'signal'];

/** Credentials have these parameters: a login with others would store the token under a key that promises something else. */
const PARAMETERS_OF_CREDENTIALS = ['scope', 'resource', 'audience', 'authorization_details'];

/** @throws {TypeError} that names the option or parameter, if it is unknown or belongs to the credentials */
export function assertLoginNowOptions(options: ManagerLoginOptions): void {
  const unknown = Object.keys(options).find((name) => !OPTION_NAMES.includes(name));
  // A `prompt` that is not sent would log in the wrong account.
  if (unknown !== undefined)
    throw new TypeError(`login has no option ${unknown}. Use ${OPTION_NAMES.join(', ')}: { parameters: { prompt } }.`);
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
  const { options, renewals } = session.context;
  const interaction = options.interaction === 'always' ? 'always' : 'auto';
  const reason = await reasonNoGrant(session, interaction);
  if (reason !== undefined) throw loginRequired(session, { reason });
  const flight = JSON.stringify([session.flight, 'login', parameters]);
  return renewals.run(flight, (shared) => loginInTurn(session, { parameters, interaction, signal: shared }), signal);
}

/** The failure of another call that held the lock before, a refresh for example, is no answer to this user. */
async function loginInTurn(session: Session, options: GrantOptions): Promise<Token> {
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

async function loginLocked(session: Session, options: GrantOptions): Promise<Token> {
  options.signal.throwIfAborted();
  // A server that has asked for a pause would refuse the token only after the user has logged in.
  const failures = await session.context.failures();
  const remembered = await failures.find(session);
  if (remembered !== undefined) throw remembered;
  const outcome = await session.obtain('login_requested', options);
  await rememberOutcome(session, outcome);
  if (outcome.type !== 'renewed') throw outcome.error;
  return outcome.token;
}
