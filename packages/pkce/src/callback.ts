import { OAuthError, type AuthorizationServer, type OAuthErrorDetails } from '@oa/types';

/** What an authorization response has to fit: the login it answers, and the server that was asked. */
export interface ExpectedCallback {
  state: string;
  server: AuthorizationServer;
}

/** RFC 6749 section 4.1.2, RFC 9207. A parameter of an answer occurs once (RFC 6749 section 3.1). */
const ONCE = ['code', 'iss', 'error', 'error_description', 'error_uri'];

/**
 * Reads the authorization code out of the URL that the browser came back to.
 *
 * First `state` is compared, in constant time; then `iss`, exactly, where it is there or the server announced it; only
 * then is an `error` believed. So `state_mismatch` means that this was not the answer to this login, which can go on
 * waiting, and everything else ends it: `issuer_mismatch` (the answer is another server's), `oauth_error` (the server
 * or the person said no), `invalid_callback` (no code, or a parameter twice).
 *
 * @see RFC 6749 section 4.1.2, RFC 9207 section 2.4, RFC 9700 section 4.4
 */
export function readCallback(url: string | URL, expected: ExpectedCallback): string {
  if (typeof expected?.state !== 'string' || expected.state === '')
    throw new TypeError('expected.state has to be the state that the authorization URL was made with');
  if (!URL.canParse(String(url)))
    throw new OAuthError('invalid_callback', 'The authorization response has to be a whole URL, and this is none.');
  const parameters = new URL(url).searchParams;

  const states = parameters.getAll('state');
  if (states.length !== 1 || !equal(states[0] ?? '', expected.state))
    throw new OAuthError('state_mismatch', "The authorization response does not carry this login's state.");
  const twice = ONCE.find((name) => parameters.getAll(name).length > 1);
  if (twice !== undefined)
    throw new OAuthError('invalid_callback', `The authorization response has the parameter ${twice} more than once.`);
  checkIssuer(parameters.get('iss'), expected.server);
  if (parameters.has('error')) throw refusal(parameters);
  const code = parameters.get('code');
  if (code === null || code === '')
    throw new OAuthError('invalid_callback', 'The authorization response has neither a code nor an error.');
  return code;
}

/** RFC 9207 section 2.4: simple string comparison; an announced `iss` that is missing is as bad as a wrong one. */
function checkIssuer(iss: string | null, server: AuthorizationServer): void {
  if (iss === null && server.authorization_response_iss_parameter_supported !== true) return;
  if (iss === server.issuer) return;
  throw new OAuthError(
    'issuer_mismatch',
    iss === null
      ? 'The authorization response names no issuer, although the server announces that it always does.'
      : 'The authorization response names another issuer than the one this login was started with.',
  );
}

function refusal(parameters: URLSearchParams): OAuthError {
  const details: OAuthErrorDetails = {};
  for (const name of ['error', 'error_description', 'error_uri'] as const) {
    const value = parameters.get(name);
    if (value !== null) details[name] = value;
  }
  // The first error filters what a server may say into a terminal (RFC 6749 section 5.2); the message repeats only that.
  const { error = '', error_description = '' } = new OAuthError('oauth_error', '', details);
  const said = error_description === '' ? '.' : `: ${error_description}`;
  const what =
    error === 'access_denied'
      ? 'The login was denied, by the person or by the authorization server'
      : `The authorization server refused the login with ${error === '' ? 'an error without a name' : error}`;
  return new OAuthError('oauth_error', `${what}${said}`, details);
}

/** In constant time for values of the same length: how far a guess was right must not show. */
function equal(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let i = 0; i < other.length; i++) difference |= one.charCodeAt(i) ^ other.charCodeAt(i);
  return difference === 0;
}
