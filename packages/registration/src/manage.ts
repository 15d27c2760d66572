import { readJson, request, type HttpResponse } from '@oa/http';
import { OAuthError, type Client, type RequestOptions } from '@oa/types';
import { bearer } from './bearer.ts';
import { checkedMetadata, type ClientMetadata } from './metadata.ts';

/**
 * Reads a client as it is registered now (RFC 7592 section 2.1).
 *
 * The server may have issued a new `client_secret` or `registration_access_token`: store what comes back. What the answer
 * leaves out of these, and of `registration_client_uri`, is still valid and is kept.
 *
 * Rejects with `endpoint_missing` if the client came without `registration_client_uri` and `registration_access_token`, that
 * is if the server offers no management; `oauth_error` or `http_error` if it refuses (401: the client or its access token is
 * gone); and with what `request` and `readJson` of `@oa/http` reject with.
 */
export async function readClient(client: Client, options: RequestOptions = {}): Promise<Client> {
  const { url, headers } = access(client);
  return clientIn(await request('GET', url, { ...options, headers }), client);
}

/**
 * Replaces all metadata of a client (RFC 7592 section 2.2) and resolves with it as the server registered it.
 *
 * A member that is left out is deleted: to change one, spread the old ones, `updateClient(client, { ...client, scope })`.
 * Identity, secret and access token are the client's whatever `metadata` says. Store what comes back, as for
 * {@link readClient}, which names the error codes too.
 */
export async function updateClient(
  client: Client,
  metadata: ClientMetadata,
  options: RequestOptions = {},
): Promise<Client> {
  const { url, headers } = access(client);
  const json = JSON.stringify(updateOf(client, checkedMetadata(metadata)));
  const sent = { ...options, headers: { ...headers, 'content-type': 'application/json' }, body: json };
  return clientIn(await request('PUT', url, sent), client);
}

/**
 * Deletes a client at the server (RFC 7592 section 2.3): its tokens end with it. Codes as of {@link readClient}.
 */
export async function deleteClient(client: Client, options: RequestOptions = {}): Promise<void> {
  const { url, headers } = access(client);
  const response = await request('DELETE', url, { ...options, headers });
  if (response.status < 200 || response.status > 299) await clientIn(response, client);
}

function access(client: Client): { url: string; headers: Record<string, string> } {
  const { registration_client_uri: url, registration_access_token: token } = client;
  if (url !== undefined && token !== undefined)
    return { url, headers: bearer(token, 'client.registration_access_token') };
  throw new OAuthError(
    'endpoint_missing',
    'The client has no registration_client_uri and registration_access_token: its server does not let clients manage their registration. Ask its operator.',
  );
}

/** RFC 7592 section 2.2: the four members that a request must not hold, and the two that it can't change. */
function updateOf(client: Client, metadata: ClientMetadata): Record<string, unknown> {
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

async function clientIn(response: HttpResponse, before: Client): Promise<Client> {
  const { clientSchema } = await import('@oa/types/schemas');
  const client = readJson(response, clientSchema);
  if (client.client_id !== before.client_id)
    throw new OAuthError(
      'invalid_response',
      'The server answered with another client than the one that was asked for.',
    );
  return { ...kept(before, client), ...client };
}

/** What is used up only when it is replaced. A secret is over with the authentication method that used it. */
function kept(before: Client, after: Client): Partial<Client> {
  const { registration_access_token, registration_client_uri, client_secret, client_secret_expires_at } = before;
  const hasSecret = after.client_secret === undefined && after.token_endpoint_auth_method !== 'none';
  return {
    ...(registration_access_token !== undefined && { registration_access_token }),
    ...(registration_client_uri !== undefined && { registration_client_uri }),
    ...(hasSecret && client_secret !== undefined && { client_secret }),
    ...(hasSecret && client_secret_expires_at !== undefined && { client_secret_expires_at }),
  };
}
