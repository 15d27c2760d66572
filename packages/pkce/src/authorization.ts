import type { AuthorizationServer, Client, RequestParameters } from '@oa/types';
import { toAuthorizationRequest, toRequestUrl, type AuthorizationOptions } from './authorization-request.ts';

/**
 * Builds the URL that the user opens to log in: an authorization code request with PKCE.
 *
 * S256 is sent whether or not the server advertises it. If the scope contains `openid` and there is no `nonce`, a random one is
 * added, because some servers require it. If the scope contains `offline_access` and there is no `prompt`, `prompt=consent` is added:
 * without it servers must give no refresh token. A query of the endpoint is kept.
 *
 * @param parameters `redirect_uri`, `state` and `code_challenge` are required. All others (`scope`, `resource`, `prompt`, ...) are
 *   sent unchanged. One without a value is left out.
 * @throws {OAuthError} `endpoint_missing`, `insecure_url`, `pkce_unsupported`, `authorization_details_unsupported`
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
export function authorizationUrl(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters,
  options: AuthorizationOptions = {},
): URL {
  return toRequestUrl(toAuthorizationRequest(server, client, parameters, options));
}
