import { isObject, parseJson } from '@oa/mechanisms';
import { toErrorText } from '@oa/types/rfc';
import { assertNotExpired, noAssertion, type AssertionOrigin } from './ready-assertion.ts';

/** The newest version of the response. */
const MAX_RESPONSE_VERSION = 1;
const SAML_TYPE = 'urn:ietf:params:oauth:token-type:saml2';
const JWT_TYPES: ReadonlySet<unknown> = new Set([
  'urn:ietf:params:oauth:token-type:id_token',
  'urn:ietf:params:oauth:token-type:jwt',
]);
const MAX_PROGRAM_TEXT_CHARACTERS = 300;
/** A word of this length may be a token. */
const TOKEN_PATTERN = /[\w~+/=.-]{32,}/g;

/**
 * Reads the response of an executable in the format of Google.
 *
 * @param code how the program ended
 * @param context how errors name the program and its token, and the clock in milliseconds since the epoch
 * @returns the ID token or the SAML response
 * @throws {OAuthError} `assertion_unavailable`, with the code and the message of the program if it failed
 * @see https://google.aip.dev/auth/4117
 */
export function parseExecutableResponse(
  text: string,
  code: number | string,
  { origin, program, now }: { origin: AssertionOrigin; program: string; now: () => number },
): string {
  const response = parseJson(text);
  const problem = (what: string): Error =>
    noAssertion(`The ${program} printed no response of the format of Google: ${what}. ${origin.cure}`);
  if (!isObject(response)) {
    if (code !== 0) throw noAssertion(`The ${program} ended with the status ${code}. ${origin.cure}`);
    throw problem('it is not a JSON object');
  }
  const { version, success, token_type, id_token, saml_response, expiration_time } = response;
  if (typeof version !== 'number') throw problem('the member version is missing');
  if (version > MAX_RESPONSE_VERSION)
    throw problem(`its version is ${version}, and only version ${MAX_RESPONSE_VERSION} is known`);
  if (success === false) throw failureOf(response, program);
  if (success !== true) throw problem('the member success must be true or false');
  if (token_type !== SAML_TYPE && !JWT_TYPES.has(token_type))
    throw problem('the member token_type must be that of an ID token, a JWT or a SAML 2.0 response');
  const [name, token] = token_type === SAML_TYPE ? ['saml_response', saml_response] : ['id_token', id_token];
  if (typeof token !== 'string' || token === '') throw problem(`the member ${name} is missing`);
  assertNotExpired(expiration_time, origin, now);
  return token;
}

function failureOf({ code, message }: Record<string, unknown>, program: string): Error {
  const shown = [code, message].filter((each) => typeof each === 'string' || typeof each === 'number').map(toShown);
  const reason = shown.length === 0 ? 'it does not say why' : shown.join(': ');
  return noAssertion(`The ${program} has no token: ${reason}. Do what this says, or run the program yourself.`);
}

function toShown(text: unknown): string {
  return toErrorText(String(text).replace(TOKEN_PATTERN, '***'), MAX_PROGRAM_TEXT_CHARACTERS).replace(/\.$/, '');
}
