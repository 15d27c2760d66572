import { postJson } from '@oa/http';
import { OAuthError, type AuthorizationServer, type Client, type RequestOptions } from '@oa/types';
import { bearer } from './bearer.ts';
import { checkedMetadata, type ClientMetadata } from './metadata.ts';

/** The options of {@link registerClient}. */
export interface RegistrationOptions extends RequestOptions {
  /** What servers that don't let everybody register ask for (RFC 7591 section 3). */
  initialAccessToken?: string;
}

/**
 * Registers a client (RFC 7591) and resolves with what the server returned: it may have changed what was asked for, and may
 * have issued a secret nobody asked for.
 *
 * `application_type` is `native` unless given. A native client that logs people in is public (RFC 8252 section 8.4):
 * `token_endpoint_auth_method` is then `none` unless given.
 *
 * The request is sent once: a second one could register a second client. Rejects with `endpoint_missing` if the server has
 * no `registration_endpoint`; `oauth_error` if it refuses (`error` is `invalid_redirect_uri`, `invalid_client_metadata`,
 * ...); `invalid_response` for an answer without `client_id`; and with what `postJson` of `@oa/http` rejects with.
 */
export async function registerClient(
  server: AuthorizationServer,
  metadata: ClientMetadata,
  options: RegistrationOptions = {},
): Promise<Client> {
  const body = withDefaults(checkedMetadata(metadata));
  const { initialAccessToken, ...network } = options;
  const headers = bearer(initialAccessToken, 'options.initialAccessToken');
  const endpoint = server.registration_endpoint;
  if (endpoint === undefined)
    throw new OAuthError(
      'endpoint_missing',
      'The server has no registration_endpoint: programs can not register there. Ask its operator for a client_id.',
    );
  const { clientSchema } = await import('@oa/types/schemas');
  return postJson(endpoint, body, clientSchema, { ...network, headers });
}

function withDefaults(metadata: ClientMetadata): ClientMetadata {
  const { application_type = 'native', grant_types } = metadata;
  // RFC 6749 section 4.4: only confidential clients use client credentials. The server chooses how.
  const isPublic = application_type === 'native' && grant_types?.includes('client_credentials') !== true;
  const method = metadata.token_endpoint_auth_method ?? (isPublic ? 'none' : undefined);
  return { ...metadata, application_type, ...(method !== undefined && { token_endpoint_auth_method: method }) };
}
