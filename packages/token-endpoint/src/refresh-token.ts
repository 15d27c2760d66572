import { isClientRefused } from '@oa/client-authentication';
import type { AuthorizationServer, Client, OAuthError, RequestParameters, Token } from '@oa/types';
import { assertRequestParameters } from '@oa/types/rfc';
import type { TokenEndpointOptions } from './options.ts';
import { assertNoRefusalWithoutCode } from './refusal.ts';
import { fetchToken } from './request-token.ts';

/**
 * Exchanges a refresh token for a new token. The refresh token and the scope are kept where the server leaves them out.
 *
 * The refresh token is sent once. After an error, {@link isRefreshRefused} tells whether the refresh token is revoked, expired or used.
 * After any other error it may still be valid.
 *
 * @param token its `refresh_token` is required
 * @param parameters `scope` may narrow the scope. `resource` names one or several resources (RFC 8707 section 2.2).
 * @returns the new token, with `expires_at` in seconds since the epoch. Store it before you use it: the old refresh token may be used up.
 * @throws {OAuthError} `oauth_error`, `http_error`, `invalid_response`, `unsupported_token_type`, `endpoint_missing`,
 *   `unsupported_client_authentication`, `network_error`, `timeout`, `insecure_url`, `redirect_refused`, `response_too_large`,
 *   `unexpected_content_type`, `invalid_json`
 * @throws {TypeError} if `token.refresh_token` is missing, if `parameters.scope` is wider than `token.scope`, if a parameter or an
 *   option is wrong, or if `client.client_id` is missing
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-6
 */
export async function refreshToken(
  server: AuthorizationServer,
  client: Client,
  token: Token,
  parameters: RequestParameters = {},
  options: TokenEndpointOptions = {},
): Promise<Token> {
  const { refresh_token, scope } = token;
  if (typeof refresh_token !== 'string' || refresh_token === '')
    throw new TypeError('token.refresh_token must be a non-empty string.');
  assertRequestParameters(parameters, ['grant_type', 'refresh_token']);
  assertNarrowerScope(parameters['scope'], scope);
  const form = { ...parameters, grant_type: 'refresh_token', refresh_token };
  const fresh = await fetchToken(server, client, form, options, assertNoRefusalWithoutCode);
  return { refresh_token, ...(scope !== undefined && { scope }), ...fresh };
}

/**
 * Whether `error`, from {@link refreshToken}, says that the refresh token is revoked, expired or used, so that the user must log in again.
 * Network failures, 5xx and 429 do not say so. Real servers answer `invalid_request` as well as `invalid_grant`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
export function isRefreshRefused(error: OAuthError): boolean {
  if (error.code !== 'oauth_error' || error.retryable) return false;
  return error.error === 'invalid_grant' || (error.error === 'invalid_request' && !isClientRefused(error, false));
}

/** RFC 6749 section 6: the scope must not include a scope that was not granted. */
function assertNarrowerScope(requested: RequestParameters[string], granted: string | undefined): void {
  if (typeof requested !== 'string' || granted === undefined) return;
  const scopes = new Set(granted.split(' '));
  if (!requested.split(' ').every((scope) => scopes.has(scope)))
    throw new TypeError('The parameter scope must not be wider than token.scope (RFC 6749 section 6).');
}
