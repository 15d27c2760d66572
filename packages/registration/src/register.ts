import { postJson } from '@oa/http';
import { explainGuess, OAuthError, type AuthorizationServer, type Client, type RequestOptions } from '@oa/types';
import { assertUsableClient } from './answer.ts';
import { bearerHeader } from './bearer-header.ts';
import { assertNewClientMetadata, type ClientMetadata } from './metadata.ts';

/** The options of {@link registerClient}. */
export interface RegistrationOptions extends RequestOptions {
  /** The token of a server that does not register every client (RFC 7591 section 3). */
  initialAccessToken?: string | undefined;
}

/**
 * Registers a client.
 *
 * `application_type` is `native` by default. A native client that logs users in is public (RFC 8252 section 8.4), so
 * `token_endpoint_auth_method` is then `none` by default.
 *
 * The request is sent once, also after a failure: a second request could register a second client.
 *
 * @example
 * ```ts
 * const client = await registerClient(server, {
 *   client_name: 'My tool',
 *   redirect_uris: ['http://127.0.0.1/callback'],
 *   grant_types: ['authorization_code', 'refresh_token'],
 * });
 * ```
 *
 * @returns the client as the server registered it. The server may change the metadata, and may issue a secret to a public client.
 *   It may leave out redirect URIs, and set the port of a loopback URI, but it can't add one.
 * @throws {OAuthError} `endpoint_missing` if the server has no `registration_endpoint`; `oauth_error` if the server refuses, with
 *   `invalid_redirect_uri`, `invalid_client_metadata` or the like in `error`; `insecure_url`, `network_error`, `timeout`, `http_error`,
 *   `redirect_refused`, `response_too_large`, `unexpected_content_type`, `invalid_json`; `invalid_response` also for
 *   redirect URIs that were not asked for, and for a `registration_client_uri` that is neither https nor on the origin of a local server
 * @throws {TypeError} if a member of `metadata` has the wrong type, or is one that only the server issues, or if an option is wrong
 * @see https://www.rfc-editor.org/rfc/rfc7591#section-3
 */
export async function registerClient(
  server: AuthorizationServer,
  metadata: ClientMetadata,
  options: RegistrationOptions = {},
): Promise<Client> {
  assertNewClientMetadata(metadata);
  const { initialAccessToken, ...network } = options;
  const headers = bearerHeader(initialAccessToken, 'options.initialAccessToken');
  const endpoint = server.registration_endpoint;
  if (endpoint === undefined)
    throw new OAuthError(
      'endpoint_missing',
      'The server has no registration_endpoint: programs can not register there. Ask its operator for a client_id.',
    );
  const { clientSchema } = await import('@oa/types/schemas');
  return explainGuess(server, network, async (explained) => {
    const client = await postJson(endpoint, withDefaults(metadata), clientSchema, { ...explained, headers });
    assertUsableClient(client, { url: endpoint, redirect_uris: metadata.redirect_uris ?? [] });
    return client;
  });
}

function withDefaults(metadata: ClientMetadata): ClientMetadata {
  const { application_type = 'native', grant_types } = metadata;
  // RFC 6749 section 4.4: only confidential clients use client credentials. The server chooses their method.
  const isPublic = application_type === 'native' && grant_types?.includes('client_credentials') !== true;
  const token_endpoint_auth_method = metadata.token_endpoint_auth_method ?? (isPublic ? 'none' : undefined);
  return { ...metadata, application_type, token_endpoint_auth_method };
}
