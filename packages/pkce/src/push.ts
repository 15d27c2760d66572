import type { TokenEndpointOptions } from '@oa/token-endpoint';
import {
  OAuthError,
  type AuthorizationServer,
  type Client,
  type RequestOptions,
  type RequestParameters,
} from '@oa/types';
import { toErrorText } from '@oa/types/rfc';
import { toAuthorizationRequest, toRequestUrl, type AuthorizationOptions } from './authorization-request.ts';

/** The options of {@link pushAuthorizationRequest}. */
export interface PushOptions
  extends AuthorizationOptions, RequestOptions, Pick<TokenEndpointOptions, 'authentication'> {}

/** An authorization request that the server has accepted. */
export interface PushedRequest {
  /** The URL that the user opens. It has only `client_id` and `request_uri`. */
  url: URL;
  /** The server's reference to the parameters. It works once. */
  request_uri: string;
  /** The seconds within which the user must open the URL, counted from the answer. */
  expires_in: number;
}

/**
 * Sends the parameters of a login to the server before the user opens a URL: with the authentication of the client, and where no browser
 * history, proxy or user can read or change them.
 *
 * The parameters are checked and completed as by `authorizationUrl`. The network code is loaded here, not with the package.
 *
 * @param parameters `redirect_uri`, `state` and `code_challenge` are required. All others are sent unchanged. One without
 *   a value is left out.
 * @returns the URL that the user opens
 * @throws {OAuthError} `endpoint_missing`, `insecure_url`, `pkce_unsupported`, `authorization_details_unsupported`, `oauth_error`,
 *   `http_error`, `invalid_response`, `unsupported_client_authentication`, `network_error`, `timeout`, `redirect_refused`,
 *   `response_too_large`, `unexpected_content_type`, `invalid_json`
 * @throws {TypeError} if a parameter is missing, malformed or reserved
 * @see https://www.rfc-editor.org/rfc/rfc9126#section-2
 *
 * @example
 * ```ts
 * const { url } = await pushAuthorizationRequest(server, client, { redirect_uri, state, code_challenge, scope: 'read' });
 * ```
 */
export async function pushAuthorizationRequest(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters,
  options: PushOptions = {},
): Promise<PushedRequest> {
  const prepared = toAuthorizationRequest(server, client, parameters, options);
  const url = toPushEndpoint(server);
  // One by one and by name, so that a bundler leaves out what is not named.
  const { postAuthenticated } = await import('@oa/token-endpoint');
  const { readJson } = await import('@oa/http');
  const { pushedResponseSchema } = await import('@oa/types/schemas');
  const { requirePkce: _, ...request } = options;
  // A request that arrives twice leaves a reference that is never used.
  const form = { url, parameters: prepared.parameters, idempotent: true };
  const pushed = await postAuthenticated(
    server,
    client,
    form,
    async (response) => readJson(response, pushedResponseSchema),
    request,
  );
  const { request_uri } = pushed;
  const reference = { client_id: client.client_id, request_uri };
  return { ...pushed, url: toRequestUrl({ ...prepared, parameters: reference }) };
}

function toPushEndpoint({ issuer, pushed_authorization_request_endpoint: url }: AuthorizationServer): string {
  if (typeof url === 'string') return url;
  throw new OAuthError(
    'endpoint_missing',
    `${toErrorText(issuer, 200)} names no pushed_authorization_request_endpoint. Send the request with the browser instead.`,
  );
}
