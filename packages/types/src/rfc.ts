/** Facts of the specifications that several packages need, each in one place. */
import type { Client, RequestParameters } from './metadata.ts';

/** RFC 8628 section 3.4. */
export const DEVICE_CODE_GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:device_code';

/** The hosts of a loopback redirect URI, in the order of preference of RFC 8252 sections 7.3 and 8.3. */
export const LOOPBACK_HOSTS = ['127.0.0.1', '[::1]', 'localhost'] as const;

/** RequestParameters that belong to the client and its authentication (RFC 6749 section 2.3, RFC 7521 section 4.2). */
const CLIENT_PARAMETERS = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'] as const;

/** RFC 8707 section 2 and RFC 8693 section 2.1 allow several; RFC 6749 sections 3.1 and 3.2 forbid it for all others. */
const REPEATABLE: ReadonlySet<string> = new Set(['resource', 'audience']);

/**
 * Whether `hostname`, as `URL` has it, is a loopback host. RFC 8252 section 8.3 and OAuth 2.1 section 1.5 name these three. The rest
 * of 127.0.0.0/8 is loopback on Linux only, and names such as `localhost.` or `x.localhost` may be resolved by a DNS server.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8252#section-8.3
 */
export function isLoopbackHost(hostname: string): boolean {
  return (LOOPBACK_HOSTS as readonly string[]).includes(hostname);
}

/**
 * `text` without the characters that an error text may not have: quotes, backslashes, control and escape characters.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
export function toErrorText(text: string): string {
  return text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '');
}

/**
 * Whether `text` is a list of scopes of 1 to `maxCharacters` characters.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-3.3
 */
export function isScope(text: string, maxCharacters: number): boolean {
  return text !== '' && text.length <= maxCharacters && text === toErrorText(text);
}

/**
 * The scopes of both lists, each once.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-3.3
 */
export function mergeScopes(scope: string | undefined, more: string): string {
  return [...new Set(`${scope ?? ''} ${more}`.split(' '))].filter((each) => each !== '').join(' ');
}

/**
 * `text` encoded as `application/x-www-form-urlencoded`.
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

/**
 * Rejects a client without an identifier.
 *
 * @throws {TypeError} if `client.client_id` is not a non-empty string
 */
export function assertClient(client: Client): void {
  if (typeof client?.client_id !== 'string' || client.client_id === '')
    throw new TypeError('client.client_id must be a non-empty string.');
}

/**
 * Rejects parameters that a request must not have, before anything is sent.
 *
 * @param reserved the parameters that the calling function sets itself, or forbids, besides those of the client
 * @throws {TypeError} if a parameter is reserved, is not a string, is repeated although it is neither `resource` nor `audience`, or
 *   if a `resource` is not a resource indicator
 */
export function assertRequestParameters(parameters: RequestParameters, reserved: readonly string[] = []): void {
  for (const name of [...CLIENT_PARAMETERS, ...reserved])
    if (parameters[name] !== undefined)
      throw new TypeError(`The parameter ${name} is reserved: the call sets it, or forbids it. Leave it out.`);
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) assertValue(name, value);
}

function assertValue(name: string, value: unknown): void {
  const repeatable = REPEATABLE.has(name);
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
