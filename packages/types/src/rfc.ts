/** The facts of the specifications that several packages need. */
import { LOOPBACK_HOSTS } from './loopback-host.ts';
import type { Client, RequestParameters } from './metadata.ts';

export { assertClientMetadataUrl } from './client-metadata-url.ts';
export { documentRedirectUris } from './document-redirect-uris.ts';
export { isLoopbackHost, LOOPBACK_HOSTS } from './loopback-host.ts';
export { parseLoopbackUri, type LoopbackUri } from './loopback-uri.ts';
export { findPlaceholder, hasTwoSpellings, isSameIssuer, issuerOfDocument, normalizeIssuer } from './issuer.ts';

/**
 * The grant type of a device login.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8628#section-3.4
 */
export const DEVICE_CODE_GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:device_code';

/**
 * The grant type of a JWT that serves as the grant.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7523#section-2.1
 */
export const JWT_BEARER_GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/**
 * The grant type of a token that is exchanged for another one.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8693#section-2.1
 */
export const TOKEN_EXCHANGE_GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** RFC 8252 section 7.3 is about IP literals. Servers that allow `localhost` (section 8.3) treat it alike. */
const LOOPBACK_REDIRECT = new RegExp(
  `^(http://(?:${LOOPBACK_HOSTS.map((host) => host.replace(/[.[\]]/g, '\\$&')).join('|')}))(:\\d*)?(?=[/?#]|$)`,
);

/** The parameters of the client and its authentication (RFC 6749 section 2.3, RFC 7521 section 4.2). */
const CLIENT_PARAMETERS = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'] as const;

/** RFC 8707 section 2 and RFC 8693 section 2.1 allow several of these. RFC 6749 sections 3.1 and 3.2 forbid it for all others. */
const REPEATABLE_PARAMETERS: ReadonlySet<string> = new Set(['resource', 'audience']);

/**
 * Whether two redirect URIs are the same: byte for byte, or except for the port if both are loopback URIs. A port that does not exist
 * makes no URI.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8252#section-7.3
 */
export function isSameRedirectUri(uri: string, other: string): boolean {
  if (uri === other) return true;
  return LOOPBACK_REDIRECT.test(other) && withoutPort(uri) === withoutPort(other) && URL.canParse(uri);
}

function withoutPort(uri: string): string {
  return uri.replace(LOOPBACK_REDIRECT, '$1');
}

/**
 * Removes the characters that an error text must not have: quotes, backslashes, control characters, and all that is not ASCII.
 *
 * @param maxCharacters cuts a longer text, for example one that a server publishes
 * @returns the characters %x20-21 / %x23-5B / %x5D-7E of `text`
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
export function toErrorText(text: string, maxCharacters: number = Number.POSITIVE_INFINITY): string {
  return text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '').slice(0, maxCharacters);
}

/**
 * Whether `text` is a list of scopes with 1 to `maxCharacters` characters.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-3.3
 */
export function isScope(text: string, maxCharacters: number): boolean {
  return text !== '' && text.length <= maxCharacters && text === toErrorText(text);
}

/**
 * Merges two lists of scopes.
 *
 * @returns the scopes of both lists, each once, in the order of their first appearance
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-3.3
 */
export function mergeScopes(scope: string | undefined, more: string): string {
  return [...new Set(`${scope ?? ''} ${more}`.split(' '))].filter((each) => each !== '').join(' ');
}

/**
 * Encodes `text` as `application/x-www-form-urlencoded`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#appendix-B
 */
export function formEncode(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

/**
 * Whether `text` can be a resource indicator: an absolute URI without a fragment.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8707#section-2
 */
export function isResourceIndicator(text: string): boolean {
  return URL.canParse(text) && !text.includes('#');
}

/** Whether a request asks for a scope. */
export function asksForScope({ scope }: RequestParameters, name: string): boolean {
  return [scope].flat().some((each) => each?.split(' ').includes(name));
}

/** What an empty or missing credential most often means: a program passes `process.env.CLIENT_SECRET`, which is not set. */
export const UNSET_QUESTION = 'If it comes from an environment variable, is the variable set?';

/**
 * Refuses a client without an identifier.
 *
 * @throws {TypeError} if `client.client_id` is not a non-empty string
 */
export function assertClient(client: Client): void {
  const id: unknown = client?.client_id;
  if (typeof id === 'string' && id !== '') return;
  const question = id === undefined || id === '' ? ` ${UNSET_QUESTION}` : '';
  throw new TypeError(`client.client_id must be a non-empty string.${question}`);
}

/**
 * Makes the error for a client that must have a secret.
 *
 * @param why the reason, as a sentence
 */
export function missingSecretError(why: string): TypeError {
  return new TypeError(`client.client_secret is missing or empty. ${UNSET_QUESTION} ${why}`);
}

/**
 * Refuses parameters that a request must not have, before anything is sent.
 *
 * @param reserved the parameters that the calling function sets itself or forbids, besides those of the client
 * @throws {TypeError} if a parameter is reserved, is not a string, is an array of several although it is neither `resource` nor
 *   `audience`, or is a `resource` that is not a resource indicator
 */
export function assertRequestParameters(parameters: RequestParameters, reserved: readonly string[] = []): void {
  for (const name of [...CLIENT_PARAMETERS, ...reserved])
    if (parameters[name] !== undefined)
      throw new TypeError(`The parameter ${name} is reserved: the call sets it, or forbids it. Leave it out.`);
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) assertParameterValue(name, value);
}

/**
 * The parameters that have a value. One without counts as omitted, but many servers refuse it.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-3.1
 */
export function withoutEmptyParameters(parameters: RequestParameters): RequestParameters {
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== ''));
}

function assertParameterValue(name: string, value: unknown): void {
  const repeatable = REPEATABLE_PARAMETERS.has(name);
  const values: readonly unknown[] = Array.isArray(value) && (repeatable || value.length < 2) ? value : [value];
  for (const each of values) {
    if (typeof each !== 'string')
      throw new TypeError(
        `The parameter ${name} must be ${repeatable ? 'a string or an array of strings' : 'one string (scopes are separated by spaces)'}.`,
      );
    if (name === 'resource' && !isResourceIndicator(each))
      throw new TypeError('The parameter resource must be an absolute URI without a fragment (RFC 8707 section 2).');
  }
}
