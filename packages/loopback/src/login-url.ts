import { authorizationUrl, pushAuthorizationRequest, type PushedRequest } from '@oa/pkce';
import { isOAuthError, type AuthorizationServer, type Client, type RequestParameters } from '@oa/types';
import type { LoginOptions } from './options.ts';

/** The URL that the user opens. `expires_in` is there if the parameters were pushed: the server keeps them for these seconds. */
export type LoginUrl = Pick<PushedRequest, 'url'> & Partial<Pick<PushedRequest, 'expires_in'>>;

/** What a server answers at an address where it has no such endpoint (RFC 9110 sections 15.5.5 and 15.5.6). */
const ABSENT_STATUSES: ReadonlySet<number | undefined> = new Set([404, 405]);

/**
 * Pushes the parameters of a login to the server if `options.par` says so, and returns the URL that the user opens.
 *
 * @throws {OAuthError} the error of the push. Only if the endpoint does not exist, and the push was not required, the parameters go into
 *   the URL.
 * @see https://www.rfc-editor.org/rfc/rfc9126#section-5
 */
export async function createLoginUrl(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters,
  { par = 'auto', requirePkce, fetch, signal, now, onEvent, authentication }: LoginOptions,
): Promise<LoginUrl> {
  const plain = (): LoginUrl => ({ url: authorizationUrl(server, client, parameters, { requirePkce }) });
  const isRequired = par === 'require' || isPushRequired(server, client);
  const isAnnounced = server.pushed_authorization_request_endpoint !== undefined;
  if (!isRequired && (par === 'never' || !isAnnounced)) return plain();
  try {
    const options = { requirePkce, fetch, signal, now, onEvent, authentication };
    return await pushAuthorizationRequest(server, client, parameters, options);
  } catch (error) {
    if (isRequired || !isOAuthError(error) || !ABSENT_STATUSES.has(error.status)) throw error;
    return plain();
  }
}

/** The server can require it of all clients (RFC 9126 section 5), or of this one (section 6). */
function isPushRequired(server: AuthorizationServer, client: Client): boolean {
  return [server, client].some((each) => each['require_pushed_authorization_requests'] === true);
}
