import { readJson, request, type HttpResponse } from '@oa/http';
import { OAuthError, type Client, type RequestOptions } from '@oa/types';
import { assertUsableClient } from './answer.ts';
import { bearerHeader } from './bearer-header.ts';
import { assertMemberTypes, type ClientMetadata } from './metadata.ts';

/**
 * Reads a client as it is registered now.
 *
 * Store the result: the server may issue a new `client_secret` or `registration_access_token`. If the response leaves out one of these,
 * or `registration_client_uri`, the old one is still valid, and is in the result.
 *
 * The access token goes to `client.registration_client_uri`. `registerClient` has checked this address, so pass a client that came from it.
 *
 * @returns the client, with the credentials that are valid now. Its redirect URIs are some of `client.redirect_uris`, if these are known.
 * @throws {OAuthError} `endpoint_missing` if `client` has no `registration_client_uri` or no `registration_access_token`: its server
 *   does not let clients manage their registration; `oauth_error` or `http_error` if the server refuses (401: the client or its access
 *   token is revoked); `insecure_url`, `network_error`, `timeout`, `redirect_refused`, `response_too_large`, `unexpected_content_type`,
 *   `invalid_json`; `invalid_response` also for an answer that `registerClient` would refuse
 * @throws {TypeError} if `client.registration_access_token` can't be written into a header, or if an option is wrong
 * @see https://www.rfc-editor.org/rfc/rfc7592#section-2.1
 */
export async function readClient(client: Client, options: RequestOptions = {}): Promise<Client> {
  const { url, headers } = managementEndpoint(client);
  return parseClientResponse(await request('GET', url, { ...options, headers }), client);
}

/**
 * Replaces all metadata of a client. Store the result, as that of {@link readClient}.
 *
 * A member that is left out is deleted. To change one member, spread the others: `updateClient(client, { ...client, scope })`. A store
 * may keep only some members: spread the result of `readClient` then.
 *
 * @param metadata its `client_id`, `client_secret` and `registration_access_token` are ignored: those of `client` are used
 * @returns the client as the server registered it
 * @throws {OAuthError} `endpoint_missing` if `client` has no `registration_client_uri` or no `registration_access_token`; `oauth_error`
 *   or `http_error` if the server refuses; `insecure_url`, `network_error`, `timeout`, `redirect_refused`, `response_too_large`,
 *   `unexpected_content_type`, `invalid_json`, `invalid_response`
 * @throws {TypeError} if a changed member of `metadata` has the wrong type, if `client.registration_access_token` can't be written into
 *   a header, or if an option is wrong
 * @see https://www.rfc-editor.org/rfc/rfc7592#section-2.2
 */
export async function updateClient(
  client: Client,
  metadata: ClientMetadata | Client,
  options: RequestOptions = {},
): Promise<Client> {
  const { url, headers } = managementEndpoint(client);
  assertMemberTypes(metadata, client);
  const body = JSON.stringify(toUpdateRequest(client, metadata));
  const response = await request('PUT', url, {
    ...options,
    headers: { ...headers, 'content-type': 'application/json' },
    body,
  });
  return parseClientResponse(response, client, metadata.redirect_uris);
}

/**
 * Deletes a client at the server. Its tokens are revoked with it.
 *
 * @throws {OAuthError} `endpoint_missing` if `client` has no `registration_client_uri` or no `registration_access_token`; `oauth_error`
 *   or `http_error` if the server refuses; `insecure_url`, `network_error`, `timeout`, `redirect_refused`, `response_too_large`,
 *   `unexpected_content_type`, `invalid_json`, `invalid_response`
 * @throws {TypeError} if `client.registration_access_token` can't be written into a header, or if an option is wrong
 * @see https://www.rfc-editor.org/rfc/rfc7592#section-2.3
 */
export async function deleteClient(client: Client, options: RequestOptions = {}): Promise<void> {
  const { url, headers } = managementEndpoint(client);
  const response = await request('DELETE', url, { ...options, headers });
  if (response.status < 200 || response.status > 299) await parseClientResponse(response, client);
}

function managementEndpoint(client: Client): { url: string; headers: Record<string, string> } {
  const { registration_client_uri: url, registration_access_token: token } = client;
  if (url !== undefined && token !== undefined)
    return { url, headers: bearerHeader(token, 'client.registration_access_token') };
  throw new OAuthError(
    'endpoint_missing',
    'The client has no registration_client_uri and registration_access_token: its server does not let clients manage their registration. Ask its operator.',
  );
}

/** RFC 7592 section 2.2: without the four members that a request must not have, and with the two that it can't change. */
function toUpdateRequest(client: Client, metadata: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return {
    ...metadata,
    client_id: client.client_id,
    client_secret: client.client_secret,
    registration_access_token: undefined,
    registration_client_uri: undefined,
    client_secret_expires_at: undefined,
    client_id_issued_at: undefined,
  };
}

async function parseClientResponse(
  response: HttpResponse,
  before: Client,
  redirect_uris: readonly string[] | undefined = before.redirect_uris,
): Promise<Client> {
  const { clientSchema } = await import('@oa/types/schemas');
  const client = await readJson(response, clientSchema);
  if (client.client_id !== before.client_id)
    throw new OAuthError(
      'invalid_response',
      'The server answered with another client than the requested one. Check the registration_client_uri with its operator.',
    );
  assertUsableClient(client, { url: response.url, redirect_uris });
  return { ...validCredentials(before, client), ...client };
}

/** The credentials that stay valid until the server replaces them. A secret is void once the client has no authentication method. */
function validCredentials(before: Client, after: Client): Partial<Client> {
  const kept: Partial<Client> = {};
  const { registration_access_token, registration_client_uri, client_secret, client_secret_expires_at } = before;
  if (registration_access_token !== undefined) kept.registration_access_token = registration_access_token;
  if (registration_client_uri !== undefined) kept.registration_client_uri = registration_client_uri;
  const isReplaced = after.client_secret !== undefined && after.client_secret !== client_secret;
  if (isReplaced || after.token_endpoint_auth_method === 'none') return kept;
  if (client_secret !== undefined) kept.client_secret = client_secret;
  if (client_secret_expires_at !== undefined) kept.client_secret_expires_at = client_secret_expires_at;
  return kept;
}
