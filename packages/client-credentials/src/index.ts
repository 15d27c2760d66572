import { requestToken, type TokenEndpointOptions } from '@oa/token-endpoint';
import type { AuthorizationServer, Client, RequestParameters, Token } from '@oa/types';

/** What this grant sets itself, or what belongs to other grants: a parameter of that name is a mistake, or an attack. */
const RESERVED = [
  'grant_type',
  'client_id',
  'client_secret',
  'client_assertion',
  'client_assertion_type',
  'code',
  'code_verifier',
  'redirect_uri',
  'refresh_token',
  'username',
  'password',
];

/**
 * A token for the program itself (RFC 6749 section 4.4). `parameters` may hold `scope` (separated by spaces), one or several `resource`
 * (RFC 8707), `audience`, and whatever else the server understands.
 *
 * A network failure, 429, 502, 503 or 504 is tried again, at most twice. Rejects with the codes of `requestToken`; with a `TypeError`
 * for a client without secret, since this grant is for clients that can authenticate.
 */
export async function clientCredentials(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters = {},
  options: TokenEndpointOptions = {},
): Promise<Token> {
  for (const name of RESERVED)
    if (parameters[name] !== undefined) throw new TypeError(`parameters.${name} is not a parameter of this grant`);
  if (!canAuthenticate(client, options))
    throw new TypeError('client.client_secret is missing: the client credentials grant is for confidential clients');
  return requestToken(server, client, { ...parameters, grant_type: 'client_credentials' }, options);
}

/** With a secret, a certificate (RFC 8705), or whatever the caller chose. */
function canAuthenticate(client: Client, options: TokenEndpointOptions): boolean {
  const method = client.token_endpoint_auth_method;
  const byOther = method !== undefined && !['none', 'client_secret_basic', 'client_secret_post'].includes(method);
  return options.authentication !== undefined || byOther || (client.client_secret ?? '') !== '';
}
