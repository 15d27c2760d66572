import { startDeadline } from '@oa/mechanisms';
import {
  isOAuthError,
  OAuthError,
  type AuthorizationServer,
  type Client,
  type RequestParameters,
  type Token,
} from '@oa/types';
import { assertRequestParameters } from '@oa/types/rfc';
import type { TokenEndpointOptions } from './options.ts';
import { assertRefreshNotRefused } from './refusal.ts';
import { fetchToken } from './request-token.ts';

/** Members that say how long the old token or one of its parts is valid, or since when. */
const LIFETIME_PATTERN = /expir|lifetime|ttl|valid_?until|not_?before|^(?:iat|exp|nbf|created_at|issued_at)$/i;

/**
 * Servers grant these scopes and leave them out of the answer (OpenID Connect Core sections 3.1.2.1, 5.4 and 11). Entra needs them in a
 * refresh, and its `.default` stands for all scopes of a resource.
 */
const UNLISTED_SCOPE_PATTERN = /^(?:openid|offline_access|profile|email|address|phone|.*\/\.default|\.default)$/;

/**
 * Exchanges a refresh token for a new token. Every member of the old token that the server leaves out is kept, except lifetimes: the
 * refresh token, the scope, `id_token` and others.
 *
 * The refresh token is sent once. It is sent once more at once if the answer was lost on the way, because servers accept it again for
 * some seconds. After an error, {@link refreshRefusal} tells whether the server refused the refresh token.
 *
 * @param token its `refresh_token` is required
 * @param parameters `scope` may narrow the scope. `resource` names one or several resources (RFC 8707 section 2.2). `audience` and the
 *   parameters of a server are sent too.
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
  const { refresh_token } = token;
  if (typeof refresh_token !== 'string' || refresh_token === '')
    throw new TypeError('token.refresh_token must be a non-empty string.');
  assertRequestParameters(parameters, ['grant_type', 'refresh_token']);
  assertNarrowerScope(parameters['scope'], token.scope);
  const form = { ...parameters, grant_type: 'refresh_token', refresh_token };
  const remainingMs = startDeadline(options.timeout);
  const send = async (): Promise<Token> =>
    fetchToken(
      server,
      client,
      form,
      { ...options, timeout: remainingMs() },
      {
        inspectResponse: async (response, { builtIn = false }) =>
          // Without a secret, a built-in method has nothing to authenticate with. A DPoP proof beside it does not authenticate the client.
          assertRefreshNotRefused(response, client.client_secret === undefined && builtIn !== false),
        token_type: token.token_type,
      },
    );
  return keepMembers(token, await sendAgainIfLost(send, server, options));
}

/** The server may have rotated the refresh token. Within its grace period it then gives the same answer, or another new token. */
async function sendAgainIfLost(
  send: () => Promise<Token>,
  server: AuthorizationServer,
  { onEvent }: TokenEndpointOptions,
): Promise<Token> {
  try {
    return await send();
  } catch (error) {
    if (!isOAuthError(error) || !wasAnswerLost(error)) throw error;
    const { guessed_after } = server;
    const url = server.token_endpoint.replace(/[?#].*/s, '');
    onEvent?.({ type: 'retry', url, attempt: 1, delay: 0, code: error.code, status: error.status, guessed_after });
  }
  try {
    return await send();
  } catch (error) {
    // The first request did reach the server.
    if (isOAuthError(error) && error.sent === false)
      throw new OAuthError(error.code, error.message, { ...error.toJSON(), sent: true });
    throw error;
  }
}

/** The connection broke after the request was sent, or the body of a success is cut. */
function wasAnswerLost({ code, status = 0, sent }: OAuthError): boolean {
  return (code === 'network_error' && sent === true) || (code === 'invalid_json' && status >= 200 && status <= 299);
}

function keepMembers(old: Token, fresh: Token): Token {
  const kept = Object.entries(old).filter(([name]) => !LIFETIME_PATTERN.test(name));
  const sent = Object.entries(fresh).filter(([, value]) => value !== null && value !== '' && value !== undefined);
  return { ...fresh, ...Object.fromEntries([...kept, ...sent]) };
}

/** RFC 6749 section 6: the scope must not include a scope that was not granted. */
function assertNarrowerScope(requested: RequestParameters[string], granted: string | undefined): void {
  if (typeof requested !== 'string' || granted === undefined) return;
  const scopes = new Set(granted.split(' '));
  if (!requested.split(' ').every((scope) => scopes.has(scope) || UNLISTED_SCOPE_PATTERN.test(scope)))
    throw new TypeError('The parameter scope must not be wider than token.scope (RFC 6749 section 6).');
}
