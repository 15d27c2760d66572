import { randomText } from '@oa/mechanisms';
import {
  assertDetailsSupported,
  assertPkceSupported,
  isSecureUrl,
  OAuthError,
  type AuthorizationServer,
  type Client,
  type RequestParameters,
} from '@oa/types';
import { assertClient, assertRequestParameters, withoutEmptyParameters } from '@oa/types/rfc';
import { parseQuery } from './query.ts';

/** What a caller may require of the server of a login. */
export interface AuthorizationOptions {
  /**
   * Whether to refuse a server that lists no PKCE methods in its metadata. One that lists other methods than S256 only is always refused.
   *
   * @default false
   */
  requirePkce?: boolean | undefined;
}

const REQUIRED_AUTHORIZATION_PARAMETERS = ['redirect_uri', 'state', 'code_challenge'] as const;

/** The parameters with one possible value. The caller may repeat it, but not change it. */
const FIXED_PARAMETERS: Record<string, string> = { response_type: 'code', code_challenge_method: 'S256' };

/** A request object would override every parameter (RFC 9101 section 6.3). Code and verifier must never be in a URL. */
const FORBIDDEN_PARAMETERS = ['request', 'request_uri', 'code_verifier', 'code'];

/** An authorization request, before it is sent. */
export interface AuthorizationRequest {
  endpoint: URL;
  parameters: RequestParameters;
}

/**
 * Checks the server and the parameters of a login, and completes the parameters.
 *
 * @throws {OAuthError} `endpoint_missing`, `insecure_url`, `pkce_unsupported`, `authorization_details_unsupported`
 * @throws {TypeError} if a parameter is missing, malformed or reserved
 */
export function toAuthorizationRequest(
  server: AuthorizationServer,
  client: Client,
  given: RequestParameters,
  options: AuthorizationOptions,
): AuthorizationRequest {
  assertClient(client);
  assertAuthorizationParameters(given);
  const endpoint = toAuthorizationEndpoint(server);
  assertPkceSupported(server, options);
  assertDetailsSupported(server, given);
  const parameters: RequestParameters = { response_type: 'code', client_id: client.client_id };
  for (const [name, value] of Object.entries(given))
    if (value !== undefined && !Object.hasOwn(FIXED_PARAMETERS, name)) parameters[name] = value;
  parameters['code_challenge_method'] = 'S256';
  if (hasScope(parameters, 'openid')) parameters['nonce'] ??= randomText();
  const isPromptNamed = parseQuery(endpoint.search.slice(1)).has('prompt');
  if (hasScope(parameters, 'offline_access') && !isPromptNamed) parameters['prompt'] ??= 'consent';
  return { endpoint, parameters: withoutEmptyParameters(parameters) };
}

/** The URL of the endpoint with `parameters` in its query. They replace those of the same name that the endpoint has itself. */
export function toRequestUrl({ endpoint, parameters }: AuthorizationRequest): URL {
  const url = new URL(endpoint);
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters))
    for (const each of [value ?? []].flat()) query.append(name, each);
  url.search = [...withoutParameters(url.search.slice(1), new Set(query.keys())), query.toString()].join('&');
  // The endpoint must not have a fragment (RFC 6749 section 3.1).
  url.hash = '';
  return url;
}

function toAuthorizationEndpoint(server: AuthorizationServer): URL {
  const endpoint = server.authorization_endpoint;
  if (endpoint === undefined)
    throw new OAuthError(
      'endpoint_missing',
      "The server's metadata has no authorization_endpoint, so a login with a browser is not possible. Use another grant.",
    );
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  // A user name before the host would look like the host.
  if (url !== undefined && isSecureUrl(url) && url.username === '' && url.password === '') return url;
  throw new OAuthError(
    'insecure_url',
    "The server's authorization_endpoint must be an https URL without a user name. Plain http is accepted on loopback hosts only.",
  );
}

function assertAuthorizationParameters(parameters: RequestParameters): void {
  for (const name of REQUIRED_AUTHORIZATION_PARAMETERS) {
    const value = parameters[name];
    if (typeof value !== 'string' || value === '')
      throw new TypeError(`parameters.${name} must be a non-empty string.`);
  }
  // An S256 challenge always has 43 characters (RFC 7636 section 4.2).
  if (!/^[\w-]{43}$/.test(String(parameters['code_challenge'])))
    throw new TypeError('parameters.code_challenge must be an S256 challenge: 43 base64url characters.');
  // RFC 9449 section 10. A key in its place would get into a URL.
  const { dpop_jkt } = parameters;
  if (dpop_jkt !== undefined && !/^[\w-]{43}$/.test(String(dpop_jkt)))
    throw new TypeError('parameters.dpop_jkt must be the thumbprint of a DPoP key: 43 base64url characters.');
  for (const [name, value] of Object.entries(FIXED_PARAMETERS))
    if (parameters[name] !== undefined && parameters[name] !== value)
      throw new TypeError(`parameters.${name} must be ${value}.`);
  assertRequestParameters(parameters, FORBIDDEN_PARAMETERS);
}

/**
 * The parts of the endpoint's own query, without the parameters of the request: RFC 6749 section 3.1 forbids repeated ones. They stay
 * text, because URLSearchParams would rewrite them.
 */
function withoutParameters(query: string, names: ReadonlySet<string>): string[] {
  const found = [...parseQuery(query).keys()];
  return query.split('&').filter((part, index) => part !== '' && !names.has(found[index] ?? ''));
}

function hasScope({ scope }: RequestParameters, name: string): boolean {
  return [scope].flat()[0]?.split(' ').includes(name) ?? false;
}
