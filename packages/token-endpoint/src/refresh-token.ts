import { readError, type HttpResponse } from '@oa/http';
import { OAuthError, type AuthorizationServer, type Client, type RequestParameters, type Token } from '@oa/types';
import type { TokenEndpointOptions } from '@oa/client-authentication';
import { checkParameters } from './parameters.ts';
import { askForToken } from './request-token.ts';
import { isClientRefused } from './send.ts';

/**
 * Exchanges `token`'s refresh token for a new token (RFC 6749 section 6). What the server leaves out is kept: refresh token and scope.
 * `parameters` may narrow the `scope` and name a `resource` (RFC 8707 section 2.2).
 *
 * The refresh token is sent once. Whether a failure means that it is dead says {@link isRefreshRefused}; after any other it may still
 * be good. Rejects as `requestToken` does.
 */
export async function refreshToken(
  server: AuthorizationServer,
  client: Client,
  token: Token,
  parameters: RequestParameters = {},
  options: TokenEndpointOptions = {},
): Promise<Token> {
  const { refresh_token, scope } = token;
  if (typeof refresh_token !== 'string' || refresh_token === '') throw new TypeError('token.refresh_token is missing');
  checkParameters(parameters, ['grant_type', 'refresh_token']);
  checkScope(parameters['scope'], scope);
  const asked = { ...parameters, grant_type: 'refresh_token', refresh_token };
  const fresh = await askForToken(server, client, asked, options, reportDead);
  return { refresh_token, ...(scope === undefined ? {} : { scope }), ...fresh };
}

/**
 * Whether `error`, from {@link refreshToken}, says that the refresh token is dead and a new login is needed. Network failures, 5xx and
 * 429 do not. Real servers say `invalid_request` as well as `invalid_grant`.
 */
export function isRefreshRefused(error: OAuthError): boolean {
  if (error.code !== 'oauth_error' || error.retryable) return false;
  return error.error === 'invalid_grant' || (error.error === 'invalid_request' && !isClientRefused(error, false));
}

/** How servers without error codes say it, as plain text or in a member of their own. */
const DEAD =
  /invalid.?grant|(invalid|expired|revoked|unknown) refresh.?token|refresh.?token\W.{0,20}(invalid|expired|revoked|unknown)/i;

/** Reports a dead refresh token as `invalid_grant`: some servers answer it with an empty 400 or 403, or with a sentence. */
function reportDead(response: HttpResponse): void {
  const { status, text, headers } = response;
  const isEmpty = (status === 400 || status === 403) && text.trim() === '';
  const isSentence =
    status >= 400 &&
    status <= 403 &&
    readError(response)?.code === 'http_error' &&
    !/html/i.test(headers.get('content-type') ?? '') &&
    DEAD.test(text.slice(0, 1000));
  if (!isEmpty && !isSentence) return;
  const message = `The server refused the refresh token with status ${status}, and no error code. Log in again.`;
  throw new OAuthError('oauth_error', message, { error: 'invalid_grant', status });
}

/** RFC 6749 section 6: no scope that was not granted. */
function checkScope(asked: RequestParameters[string], granted: string | undefined): void {
  if (typeof asked !== 'string' || granted === undefined) return;
  const scopes = new Set(granted.split(' '));
  if (!asked.split(' ').every((scope) => scopes.has(scope)))
    throw new TypeError('parameters.scope asks for more than token.scope (RFC 6749 section 6)');
}
