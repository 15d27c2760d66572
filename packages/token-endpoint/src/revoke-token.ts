import { readError, type HttpResponse } from '@oa/http';
import { explainGuess, isOAuthError, OAuthError, type AuthorizationServer, type Client, type Token } from '@oa/types';
import { toErrorText } from '@oa/types/rfc';
import type { TokenEndpointOptions } from './options.ts';
import { postAuthenticated } from './post.ts';

/**
 * Revokes a token at the server: first the refresh token, since it is worth more, then the access token. A token that the server does
 * not know counts as revoked. So does an access token that the server refuses with any 4xx after it has revoked the refresh token.
 *
 * After a `retryable` error the token may still be valid: keep it and try again.
 *
 * @throws {OAuthError} `endpoint_missing` if the server has no revocation endpoint; `oauth_error`, `http_error`,
 *   `unsupported_client_authentication`, `network_error`, `timeout`, `insecure_url`, `redirect_refused`, `response_too_large`
 * @throws {TypeError} if `token.access_token` or `client.client_id` is missing, or if an option is wrong
 * @see https://www.rfc-editor.org/rfc/rfc7009#section-2
 */
export async function revokeToken(
  server: AuthorizationServer,
  client: Client,
  token: Token,
  options: TokenEndpointOptions = {},
): Promise<void> {
  const { access_token } = token;
  if (typeof access_token !== 'string' || access_token === '')
    throw new TypeError('token.access_token must be a non-empty string.');
  return explainGuess(server, options, (explained) => revokeBoth(server, client, token, explained));
}

async function revokeBoth(
  server: AuthorizationServer,
  client: Client,
  { access_token, refresh_token }: Token,
  options: TokenEndpointOptions,
): Promise<void> {
  const url = server.revocation_endpoint;
  if (url === undefined)
    throw new OAuthError(
      'endpoint_missing',
      `${toErrorText(server.issuer, 200)} names no revocation_endpoint. Tokens can't be revoked there.`,
    );
  const endpoint = toRevocationServer(server);
  const revoke = async (value: string, hint: string): Promise<void> => {
    const form = { url, parameters: { token: value, token_type_hint: hint }, idempotent: true };
    await postAuthenticated(endpoint, client, form, assertRevoked, options);
  };
  if (refresh_token === undefined) return revoke(access_token, 'access_token');
  await revoke(refresh_token, 'refresh_token');
  await revoke(access_token, 'access_token').catch(acceptRefusal);
}

/** RFC 8414 section 2 has lists of its own for this endpoint. */
function toRevocationServer(server: AuthorizationServer): AuthorizationServer {
  const methods = server.revocation_endpoint_auth_methods_supported;
  const algs = server.revocation_endpoint_auth_signing_alg_values_supported;
  return {
    ...server,
    ...(methods !== undefined && { token_endpoint_auth_methods_supported: methods }),
    ...(algs !== undefined && { token_endpoint_auth_signing_alg_values_supported: algs }),
  };
}

/** Only the status counts: RFC 7009 section 2.2 says to ignore the body of a success. */
async function assertRevoked(response: HttpResponse): Promise<void> {
  if (response.status >= 200 && response.status <= 299) return;
  const error = await readError(response);
  // Google answers so for a token that is already revoked, where section 2.2 requires a 200.
  if (error !== undefined && error.error !== 'invalid_token') throw error;
}

/**
 * RFC 7009 section 2.2.1: many servers can't revoke access tokens, and say so in many ways. After the refresh token is revoked, nothing
 * more can be done, and section 2.1 lets the server end the access token with it.
 */
function acceptRefusal(error: unknown): void {
  const status = isOAuthError(error) ? (error.status ?? 0) : 0;
  if (status < 400 || status > 499) throw error;
}
