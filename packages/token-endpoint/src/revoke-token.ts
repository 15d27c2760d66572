import { readError, type HttpResponse } from '@oa/http';
import { isOAuthError, OAuthError, type AuthorizationServer, type Client, type Token } from '@oa/types';
import type { TokenEndpointOptions } from '@oa/client-authentication';
import { send } from './send.ts';

/**
 * Revokes `token` at the server (RFC 7009): the refresh token first, since it is worth more, then the access token. A token that the server
 * does not know counts as revoked.
 *
 * Rejects with `endpoint_missing` where the server has no revocation endpoint, `oauth_error`, `http_error`, or a code of
 * `@oa/http`. If the error is `retryable` the token may still be good: keep it and try again.
 */
export async function revokeToken(
  server: AuthorizationServer,
  client: Client,
  token: Token,
  options: TokenEndpointOptions = {},
): Promise<void> {
  const { access_token, refresh_token } = token;
  if (typeof access_token !== 'string' || access_token === '') throw new TypeError('token.access_token is missing');
  const url = server.revocation_endpoint;
  if (url === undefined)
    throw new OAuthError(
      'endpoint_missing',
      `${server.issuer} names no revocation_endpoint: tokens can't be revoked there.`,
    );
  const supported = server.revocation_endpoint_auth_methods_supported;
  // RFC 8414 section 2 lists the methods of this endpoint apart.
  const endpoint = supported === undefined ? server : { ...server, token_endpoint_auth_methods_supported: supported };
  const revoke = async (value: string, hint: string): Promise<void> => {
    const parameters = { token: value, token_type_hint: hint };
    await send({ server: endpoint, client, url, parameters, options, repeatable: true }, readAnswer);
  };
  if (refresh_token === undefined) return revoke(access_token, 'access_token');
  await revoke(refresh_token, 'refresh_token');
  await revoke(access_token, 'access_token').catch(acceptUnsupported);
}

/** Only the status counts: the body of a success is to be ignored (RFC 7009 section 2.2). */
function readAnswer(response: HttpResponse): void {
  if (response.status >= 200 && response.status <= 299) return;
  const error = readError(response);
  // Google's answer for a token that is revoked already, where section 2.2 asks for a 200.
  if (error !== undefined && error.error !== 'invalid_token') throw error;
}

/** RFC 7009 section 2.2.1: many servers can't revoke access tokens. With the refresh token gone nothing more can be done. */
function acceptUnsupported(error: unknown): void {
  if (!isOAuthError(error) || error.error !== 'unsupported_token_type') throw error;
}
