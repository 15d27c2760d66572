import { isSecureUrl, OAuthError, type AuthorizationServer, type Client, type RequestParameters } from '@oa/types';
import { randomText } from '@oa/mechanisms';

const REQUIRED = ['redirect_uri', 'state', 'code_challenge'] as const;
/** What this function decides. A caller may repeat it, not change it. */
const FIXED: Record<string, string> = { response_type: 'code', code_challenge_method: 'S256' };
/** A request object would overrule every parameter (RFC 9101 section 6.3); the others never travel in a URL. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  'request',
  'request_uri',
  'code_verifier',
  'client_secret',
  'client_id',
  'code',
]);
/** RFC 8707 section 2. Everything else is sent once (RFC 6749 section 3.1). */
const REPEATABLE: ReadonlySet<string> = new Set(['resource', 'audience']);

/**
 * The URL that the person opens to log in: an authorization code request with PKCE.
 *
 * `redirect_uri`, `state` and `code_challenge` are required, and the rest is what the server takes (`scope`, `resource`,
 * `prompt`, ...). S256 is sent whether or not the server advertises it. Where the scope holds `openid` a random `nonce` is
 * added unless there is one, since some servers insist. A query of the endpoint is kept.
 *
 * Throws `endpoint_missing` if the server has no authorization endpoint, `insecure_url` if it is plain `http:` and not on
 * loopback, and a `TypeError` for parameters that are missing, malformed, or not the caller's to choose.
 *
 * @see RFC 6749 section 4.1.1, RFC 7636 section 4.3, RFC 8707 section 2
 */
export function authorizationUrl(server: AuthorizationServer, client: Client, parameters: RequestParameters): URL {
  checkParameters(client, parameters);
  const url = endpointOf(server);
  const query = new URLSearchParams({ response_type: 'code', client_id: client.client_id });
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined || Object.hasOwn(FIXED, name)) continue;
    for (const each of typeof value === 'string' ? [value] : value) query.append(name, each);
  }
  query.set('code_challenge_method', 'S256');
  if (hasOpenid(parameters['scope']) && !query.has('nonce')) query.set('nonce', randomText());

  // Joined as text, because URLSearchParams would rewrite the endpoint's own query. Its hash has no place here
  // (RFC 6749 section 3.1), and a parameter of this request in it would be one too many.
  for (const name of query.keys()) if (url.searchParams.has(name)) url.searchParams.delete(name);
  url.search = [url.search.slice(1), query.toString()].filter((part) => part !== '').join('&');
  url.hash = '';
  return url;
}

function endpointOf(server: AuthorizationServer): URL {
  const endpoint = server.authorization_endpoint;
  if (endpoint === undefined)
    throw new OAuthError(
      'endpoint_missing',
      "The server's metadata has no authorization_endpoint, so nobody can log in with a browser. Use another grant.",
    );
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url !== undefined && isSecureUrl(url)) return url;
  throw new OAuthError(
    'insecure_url',
    'The authorization_endpoint has to be an https URL; plain http is for loopback hosts only.',
  );
}

function checkParameters(client: Client, parameters: RequestParameters): void {
  if (typeof client?.client_id !== 'string' || client.client_id === '')
    throw new TypeError('client.client_id has to be a string that is not empty');
  for (const name of REQUIRED) {
    const value = parameters[name];
    if (typeof value !== 'string' || value === '') throw new TypeError(`parameters.${name} is required, as a string`);
  }
  // S256 yields 43 characters and nothing else (RFC 7636 section 4.2).
  if (!/^[\w-]{43}$/.test(String(parameters['code_challenge'])))
    throw new TypeError('parameters.code_challenge has to be an S256 challenge: 43 base64url characters');
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) checkParameter(name, value);
}

function checkParameter(name: string, value: string | readonly string[]): void {
  if (FORBIDDEN.has(name)) throw new TypeError(`parameters.${name} has no place in an authorization URL`);
  if (Object.hasOwn(FIXED, name) && value !== FIXED[name])
    throw new TypeError(`parameters.${name} can only be ${FIXED[name]}`);
  const values: readonly unknown[] = Array.isArray(value) && REPEATABLE.has(name) ? value : [value];
  for (const each of values) {
    if (typeof each !== 'string') throw new TypeError(`parameters.${name} has to be ${expected(name)}`);
    if (name === 'resource' && (!URL.canParse(each) || each.includes('#')))
      throw new TypeError('parameters.resource has to be an absolute URI without a fragment (RFC 8707 section 2)');
  }
}

function expected(name: string): string {
  return REPEATABLE.has(name) ? 'a string or an array of strings' : 'a string';
}

function hasOpenid(scope: string | readonly string[] | undefined): boolean {
  return typeof scope === 'string' && scope.split(' ').includes('openid');
}
