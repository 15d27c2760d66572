import { OAuthError, type AuthorizationServer, type OAuthErrorDetails } from '@oa/types';
import { toErrorText } from '@oa/types/rfc';
import { parseQuery } from './query.ts';

/** The login that an authorization response must belong to. */
export interface ExpectedCallback {
  /** The `state` of the authorization URL. */
  state: string;
  /** The server of the authorization URL. */
  server: AuthorizationServer;
}

/** The parameters of an authorization response besides `state`. None may be repeated (RFC 6749 section 3.1). */
const RESPONSE_PARAMETERS = ['code', 'iss', 'error', 'error_description', 'error_uri'];
/** The longest text of the server that a message quotes. */
const MAX_QUOTED_CHARACTERS = 500;
/**
 * What helps against an error of the authorization endpoint.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1
 * @see https://www.rfc-editor.org/rfc/rfc8707#section-2
 * @see https://openid.net/specs/openid-connect-core-1_0.html#AuthError
 */
const CURES: Record<string, string> = {
  access_denied: 'Log in again if you want to allow it.',
  invalid_request: 'Check the parameters of the login, and the redirect URI of the client.',
  invalid_scope: 'Check the scope.',
  invalid_target: 'Check the resource.',
  unauthorized_client: 'Check that the client is registered for the authorization code grant.',
  unsupported_response_type: 'The server has no authorization code grant, so use another one.',
  server_error: 'Try again later.',
  temporarily_unavailable: 'Try again later.',
  login_required: 'Log in without the prompt none.',
  consent_required: 'Log in without the prompt none.',
  interaction_required: 'Log in without the prompt none.',
  account_selection_required: 'Log in without the prompt none.',
};
const OTHER_CURE = 'Log in again. If the error stays, ask the operator of the server.';

/**
 * Reads the authorization code from the URL that the server redirected the browser to.
 *
 * `state` is checked first, in constant time, then `iss`, and only then `error`. The error `state_mismatch` means that the URL does not
 * belong to this login: ignore it and wait for another. Every other error ends the login: `issuer_mismatch` (the response comes from
 * another server), `oauth_error` (the user or the server refused), `invalid_callback` (there is no code, or a parameter twice).
 *
 * @returns the authorization code
 * @throws {OAuthError} `state_mismatch`, `issuer_mismatch`, `oauth_error`, `invalid_callback`
 * @throws {TypeError} if `expected.state` is missing
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2
 * @see https://www.rfc-editor.org/rfc/rfc9207#section-2.4
 * @see https://www.rfc-editor.org/rfc/rfc9700#section-4.4
 */
export function readCallback(url: string | URL, expected: ExpectedCallback): string {
  if (typeof expected?.state !== 'string' || expected.state === '')
    throw new TypeError('expected.state must be the state of the authorization URL, a non-empty string.');
  if (!URL.canParse(String(url)))
    throw new OAuthError(
      'invalid_callback',
      'The authorization response must be an absolute URL. Pass the whole URL of the redirect.',
    );
  const parameters = parseQuery(new URL(url).search.slice(1));

  const states = parameters.getAll('state');
  if (states.length !== 1 || !equalsInConstantTime(states[0] ?? '', expected.state))
    throw new OAuthError(
      'state_mismatch',
      'The authorization response belongs to another login: its state is not the expected one. Wait for another response.',
    );
  const repeated = RESPONSE_PARAMETERS.find((name) => parameters.getAll(name).length > 1);
  if (repeated !== undefined)
    throw new OAuthError(
      'invalid_callback',
      `The authorization response has the parameter ${repeated} more than once. Log in again.`,
    );
  assertResponseIssuer(parameters.get('iss'), expected.server);
  if (parameters.has('error')) throw toAuthorizationError(parameters);
  const code = parameters.get('code');
  if (code === null || code === '')
    throw new OAuthError('invalid_callback', 'The authorization response has no code and no error. Log in again.');
  return code;
}

/** RFC 9207 section 2.4: simple string comparison. A missing `iss` is an error if the server announced it. */
function assertResponseIssuer(iss: string | null, server: AuthorizationServer): void {
  if (iss === null && server.authorization_response_iss_parameter_supported !== true) return;
  if (iss === server.issuer) return;
  throw new OAuthError(
    'issuer_mismatch',
    iss === null
      ? 'The authorization response names no issuer, although the server announced that it does. Log in again.'
      : // The other issuer is not shown: another server has chosen that text.
        `The authorization response comes from another issuer than ${toQuotedText(server.issuer)}, where this login is. Log in again. If the error stays, compare the issuer that the program uses with that of the server, up to a slash at its end.`,
  );
}

function toAuthorizationError(parameters: URLSearchParams): OAuthError {
  const details: OAuthErrorDetails = {};
  for (const name of ['error', 'error_description', 'error_uri'] as const) {
    const value = parameters.get(name);
    if (value !== null) details[name] = value;
  }
  const code = toQuotedText(details.error);
  const description = toQuotedText(details.error_description);
  const what =
    code === 'access_denied'
      ? 'The login was denied, by you or by the authorization server'
      : `The authorization server refused the login with ${code === '' ? 'an error without a name' : `the error ${code}`}`;
  const sentence = description === '' ? what : `${what}: ${description}`;
  const cure = Object.hasOwn(CURES, code) ? CURES[code] : OTHER_CURE;
  return new OAuthError('oauth_error', `${sentence}${/[.!?]$/.test(sentence) ? '' : '.'} ${cure}`, details);
}

function toQuotedText(text: string | undefined): string {
  return toErrorText(text ?? '').slice(0, MAX_QUOTED_CHARACTERS);
}

/** Takes equally long for all values of the same length, so that the duration does not reveal how much of a guess is right. */
function equalsInConstantTime(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let i = 0; i < other.length; i++) difference |= one.charCodeAt(i) ^ other.charCodeAt(i);
  return difference === 0;
}
