import { isOAuthError, OAuthError, type RequestParameters, type Token, type TokenSourceOptions } from '@oa/types';
import { isDemandUnmet, type Failures } from './failures.ts';
import { isUsable, MAX_JUST_ISSUED_MS } from './freshness.ts';
import { shareLogin } from './login-now.ts';
import { loginRequired } from './login-required.ts';
import { reasonNoGrant } from './obtain.ts';
import { tokenRejected } from './renewal.ts';
import type { Session } from './session.ts';
import { hasAuthenticationContext } from './step-up.ts';

/** As much as a challenge can ask for. Servers count seconds with 32 bits. */
const MAX_LOGIN_AGE_SECONDS = 999_999_999;

/**
 * Lets the user log in as a resource server has asked for, although a token is stored (RFC 9470 section 4). A token that replaced the
 * refused one meanwhile is used instead.
 *
 * The token of such a login, refused for the same reason within a minute, leads to no other login: the authorization server does not give
 * what the resource server wants. Where the authorization server says itself that it can't meet the demand, the user is not asked for the
 * same again in this process, until a login of the session succeeds.
 *
 * @throws {OAuthError} `login_required` if no user can be asked, `token_rejected`, else the error of the login or of the store
 * @throws {TypeError} if `max_age` is not a number of seconds
 */
export async function logInAgain(session: Session, wanted: TokenSourceOptions): Promise<Token> {
  const { rejected, interaction, signal } = wanted;
  const parameters = toLoginParameters(wanted);
  let adopted: Token | undefined;
  const adopt = async (): Promise<Token | undefined> => {
    const stored = rejected === undefined ? undefined : await session.stored();
    adopted = stored !== undefined && isUsable(session, stored, { rejected }) ? stored : undefined;
    if (adopted !== undefined) session.source = 'adopted';
    return adopted;
  };
  const current = await adopt();
  if (current !== undefined) return current;
  const reason = await reasonNoLogin(session, wanted);
  if (reason !== undefined) throw loginRequired(session, { reason, refusal: toLoginDemand(parameters) });
  const failures = await session.context.failures();
  const subject = (access_token: string): Token => toSubject(access_token, parameters);
  if (rejected !== undefined && (await failures.find(session, subject(rejected)))) throw tokenRejected();
  const unmet = await failures.find(session, subject(''));
  if (unmet !== undefined) throw unmet;
  const token = await shareLogin(session, { parameters, interaction, adopt }, signal).catch(async (error: unknown) => {
    throw await rememberUnmet(session, failures, error, subject(''));
  });
  const { max_age = Number.POSITIVE_INFINITY } = wanted;
  if (token !== adopted && max_age * 1000 >= MAX_JUST_ISSUED_MS)
    await failures.add(session, tokenRejected(), subject(token.access_token));
  return token;
}

/** The error for the caller. */
async function rememberUnmet(session: Session, failures: Failures, error: unknown, demand: Token): Promise<unknown> {
  if (!isOAuthError(error) || !isDemandUnmet(error)) return error;
  const text = `${error.message} The user is not asked again for this by this process, until a login succeeds (manager.login).`;
  const unmet = new OAuthError(error.code, text, error);
  await failures.add(session, unmet, demand);
  return unmet;
}

function toLoginParameters({ acr_values, max_age }: TokenSourceOptions): RequestParameters {
  if (max_age !== undefined && !(Number.isInteger(max_age) && max_age >= 0 && max_age <= MAX_LOGIN_AGE_SECONDS))
    throw new TypeError(`options.max_age must be a whole number of seconds from 0 to ${MAX_LOGIN_AGE_SECONDS}.`);
  // What the challenge leaves out stays as the credentials have it.
  return {
    ...(hasAuthenticationContext(acr_values) && { acr_values }),
    ...(max_age !== undefined && { max_age: String(max_age) }),
  };
}

/** Why the user can't be asked, in whole sentences. */
async function reasonNoLogin(session: Session, { interaction }: TokenSourceOptions): Promise<string | undefined> {
  if (!session.needsUser) return 'This grant has no user.';
  if (session.context.options.stepUp === false) return 'No user is asked, because the option stepUp is false.';
  return reasonNoGrant(session, interaction);
}

function toLoginDemand({ acr_values, max_age }: RequestParameters): OAuthError {
  const asked = [acr_values && `acr_values ${String(acr_values)}`, max_age && `max_age ${String(max_age)}`];
  return new OAuthError(
    'login_required',
    `The resource server asks for another login (${asked.filter((each) => each !== undefined).join(', ')}).`,
  );
}

/**
 * The failure holds for the token and what was asked for. The same token may be refused for another reason. Without a token it holds for what
 * was asked for.
 */
function toSubject(access_token: string, parameters: RequestParameters): Token {
  return { access_token: JSON.stringify([access_token, parameters]), token_type: '' };
}
