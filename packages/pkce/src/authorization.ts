import { isSecureUrl, OAuthError, type AuthorizationServer, type Client, type RequestParameters } from '@oa/types';
import { assertClient, assertRequestParameters } from '@oa/types/rfc';
import { randomText } from '@oa/mechanisms';
import { parseQuery } from './query.ts';

const REQUIRED_AUTHORIZATION_PARAMETERS = ['redirect_uri', 'state', 'code_challenge'] as const;

/** The parameters with one possible value. The caller may repeat it, but not change it. */
const FIXED_PARAMETERS: Record<string, string> = { response_type: 'code', code_challenge_method: 'S256' };

/** A request object would override every parameter (RFC 9101 section 6.3). Code and verifier must never be in a URL. */
const FORBIDDEN_PARAMETERS = ['request', 'request_uri', 'code_verifier', 'code'];

/**
 * Builds the URL that the user opens to log in: an authorization code request with PKCE.
 *
 * S256 is sent whether or not the server advertises it. If the scope contains `openid` and there is no `nonce`, a random one is
 * added, because some servers require it. If the scope contains `offline_access` and there is no `prompt`, `prompt=consent` is added:
 * without it servers must give no refresh token. A query of the endpoint is kept.
 *
 * @param parameters `redirect_uri`, `state` and `code_challenge` are required. All others (`scope`, `resource`, `prompt`, ...) are
 *   sent unchanged.
 * @throws {OAuthError} `endpoint_missing`, `insecure_url`
 * @throws {TypeError} if a parameter is missing, malformed or reserved
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1
 * @see https://www.rfc-editor.org/rfc/rfc7636#section-4.3
 * @see https://www.rfc-editor.org/rfc/rfc8707#section-2
 * @see https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess
 *
 * @example
 * ```ts
 * const { code_verifier, code_challenge } = await createPkce();
 * const state = crypto.randomUUID();
 * const redirect_uri = 'https://app.example/callback';
 * const url = authorizationUrl(server, client, { redirect_uri, state, code_challenge, scope: 'read' });
 * ```
 */
export function authorizationUrl(server: AuthorizationServer, client: Client, parameters: RequestParameters): URL {
  assertClient(client);
  assertAuthorizationParameters(parameters);
  const url = toAuthorizationEndpoint(server);
  const query = new URLSearchParams({ response_type: 'code', client_id: client.client_id });
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined || Object.hasOwn(FIXED_PARAMETERS, name)) continue;
    for (const each of [value].flat()) query.append(name, each);
  }
  query.set('code_challenge_method', 'S256');
  if (hasScope(query, 'openid') && !query.has('nonce')) query.set('nonce', randomText());
  const isPromptNamed = query.has('prompt') || parseQuery(url.search.slice(1)).has('prompt');
  if (hasScope(query, 'offline_access') && !isPromptNamed) query.set('prompt', 'consent');

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

function hasScope(query: URLSearchParams, scope: string): boolean {
  return query.get('scope')?.split(' ').includes(scope) ?? false;
}
