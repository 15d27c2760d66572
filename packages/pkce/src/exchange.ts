import type { AuthorizationServer, Client, RequestParameters, Token } from '@oa/types';
import type { TokenEndpointOptions } from '@oa/token-endpoint';

const REQUIRED_EXCHANGE_PARAMETERS = ['code', 'code_verifier', 'redirect_uri'] as const;

/**
 * Exchanges an authorization code for a token.
 *
 * A code works once, so the request is never sent again after it may have reached the server. The network code is loaded here, not
 * with the package.
 *
 * @param parameters `code`, `code_verifier` and `redirect_uri` are required. `redirect_uri` must be the one of the authorization URL,
 *   byte for byte (RFC 6749 section 4.1.3). So must `resource`, if it was there (RFC 8707 section 2.2).
 * @returns the token, with `expires_at` in seconds since the epoch
 * @throws {OAuthError} `oauth_error`, `http_error`, `invalid_response`, `unsupported_token_type`, `endpoint_missing`,
 *   `unsupported_client_authentication`, `network_error`, `timeout`, `insecure_url`, `redirect_refused`, `response_too_large`,
 *   `unexpected_content_type`, `invalid_json`
 * @throws {TypeError} if a parameter is missing, malformed or reserved
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3
 * @see https://www.rfc-editor.org/rfc/rfc7636#section-4.5
 */
export async function exchangeCode(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters,
  options: TokenEndpointOptions = {},
): Promise<Token> {
  for (const name of REQUIRED_EXCHANGE_PARAMETERS)
    if (typeof parameters[name] !== 'string' || parameters[name] === '')
      throw new TypeError(`parameters.${name} must be a non-empty string.`);
  const { requestToken } = await import('@oa/token-endpoint');
  return requestToken(server, client, { ...parameters, grant_type: 'authorization_code' }, options);
}
