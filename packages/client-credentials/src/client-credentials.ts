import { requestToken, type TokenEndpointOptions } from '@oa/token-endpoint';
import type { AuthorizationServer, Client, RequestParameters, Token } from '@oa/types';
import { assertRequestParameters, missingSecretError } from '@oa/types/rfc';

/** The parameter that this grant sets, and those of other grants. Such a parameter is a mistake, or an attack. */
const RESERVED_PARAMETERS = [
  'grant_type',
  'code',
  'code_verifier',
  'redirect_uri',
  'refresh_token',
  'username',
  'password',
];

/**
 * Requests a token for the program itself, not for a user.
 *
 * The request is repeated at most twice after a network failure, 429, 502, 503 or 504.
 *
 * @param parameters `scope` (scopes separated by spaces), one or several `resource` (RFC 8707), `audience`, and any other parameter that
 *   the server understands
 * @returns the token, with `expires_at` in seconds since the epoch. Where the server names no scope, it has the requested one.
 * @throws {OAuthError} `oauth_error`, `http_error`, `invalid_response`, `unsupported_token_type`, `endpoint_missing`,
 *   `unsupported_client_authentication`, `network_error`, `timeout`, `insecure_url`, `redirect_refused`, `response_too_large`,
 *   `unexpected_content_type`, `invalid_json`
 * @throws {TypeError} if the client has no secret and no other way to authenticate, or if a parameter or an option is wrong
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.4
 * @example
 * ```ts
 * const token = await clientCredentials(server, client, { scope: 'read write', resource: 'https://api.example/' });
 * ```
 */
export async function clientCredentials(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters = {},
  options: TokenEndpointOptions = {},
): Promise<Token> {
  assertRequestParameters(parameters, RESERVED_PARAMETERS);
  assertConfidentialClient(client, options);
  return requestToken(server, client, { ...parameters, grant_type: 'client_credentials' }, options);
}

/**
 * Makes sure that the client can authenticate: it has a secret, a certificate (RFC 8705), or whatever the caller chose.
 *
 * @throws {TypeError} if it has none of them
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.4
 */
export function assertConfidentialClient(
  client: Client,
  options: Pick<TokenEndpointOptions, 'authentication'> = {},
): void {
  const method = client.token_endpoint_auth_method;
  const usesOther = method !== undefined && !['none', 'client_secret_basic', 'client_secret_post'].includes(method);
  if (options.authentication !== undefined || usesOther || (client.client_secret ?? '') !== '') return;
  throw missingSecretError(
    'The client credentials grant is for clients that authenticate (RFC 6749 section 4.4). A client that authenticates without a secret needs the option `authentication`.',
  );
}
