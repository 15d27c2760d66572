import type { AuthorizationServer, Client, RequestParameters, Token } from '@oa/types';
import type { TokenEndpointOptions } from '@oa/token-endpoint';

const REQUIRED = ['code', 'code_verifier', 'redirect_uri'] as const;

/**
 * Exchanges the authorization code for a token.
 *
 * `code`, `code_verifier` and `redirect_uri` are required; the redirect URI has to be the one of the authorization
 * request, byte for byte (RFC 6749 section 4.1.3), and so has `resource` where there was one (RFC 8707 section 2.2).
 * The code works once: the request is never repeated after it may have reached the server.
 *
 * Ends in the codes of `requestToken` of `@oa/token-endpoint`. The network is loaded here, not with the package.
 *
 * @see RFC 6749 section 4.1.3, RFC 7636 section 4.5
 */
export async function exchangeCode(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters,
  options: TokenEndpointOptions = {},
): Promise<Token> {
  for (const name of REQUIRED)
    if (typeof parameters[name] !== 'string' || parameters[name] === '')
      throw new TypeError(`parameters.${name} is required, as a string`);
  const { requestToken } = await import('@oa/token-endpoint');
  return requestToken(server, client, { ...parameters, grant_type: 'authorization_code' }, options);
}
