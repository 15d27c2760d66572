import { authorizationUrl, pushAuthorizationRequest, type PushedRequest } from '@oa/pkce';
import { isOAuthError, type AuthorizationServer, type Client, type RequestParameters } from '@oa/types';
import { DEFAULT_LOGIN_TIMEOUT_MS, DEFAULT_REQUEST_TIMEOUT_MS, type LoginOptions } from './options.ts';

/** The URL that the user opens. `expires_in` is there if the parameters were pushed: the server keeps them for these seconds. */
export type LoginUrl = Pick<PushedRequest, 'url'> & Partial<Pick<PushedRequest, 'expires_in'>>;

/** What a server answers at an address where it has no such endpoint (RFC 9110 sections 15.5.5 and 15.5.6). */
const ABSENT_ENDPOINT_STATUSES: ReadonlySet<number | undefined> = new Set([404, 405]);

/**
 * Pushes the parameters of a login to the server if `options.par` says so, and returns the URL that the user opens.
 *
 * @param options `signal` ends the push.
 * @throws {OAuthError} the error of the push. Only if the endpoint does not exist, and the push was not required, the parameters go into
 *   the URL.
 * @see https://www.rfc-editor.org/rfc/rfc9126#section-5
 */
export async function createLoginUrl(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters,
  options: LoginOptions,
): Promise<LoginUrl> {
  const { par = 'auto', requirePkce, fetch, signal, now, onEvent, authentication } = options;
  const plain = (): LoginUrl => ({ url: authorizationUrl(server, client, parameters, { requirePkce }) });
  const isRequired = par === 'require' || isPushRequired(server, client);
  const isAnnounced = typeof server.pushed_authorization_request_endpoint === 'string';
  if (!isRequired && (par === 'never' || !isAnnounced)) return plain();
  try {
    const request = { fetch, signal, now, onEvent, timeout: pushTimeout(options) };
    return await pushAuthorizationRequest(server, client, parameters, { ...request, requirePkce, authentication });
  } catch (error) {
    if (isRequired || !isOAuthError(error) || !ABSENT_ENDPOINT_STATUSES.has(error.status)) throw error;
    return plain();
  }
}

/** A user who can't log in yet must not wait for longer than one who can. */
function pushTimeout({
  timeout = DEFAULT_LOGIN_TIMEOUT_MS,
  requestTimeout = DEFAULT_REQUEST_TIMEOUT_MS,
}: LoginOptions): number {
  return Math.min(timeout, requestTimeout);
}

/** The server can require it of all clients (RFC 9126 section 5), or of this one (section 6). */
function isPushRequired(server: AuthorizationServer, client: Client): boolean {
  return [server, client].some((each) => each['require_pushed_authorization_requests'] === true);
}
