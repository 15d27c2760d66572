import type { AuthenticationOption } from '@oa/client-authentication';
import { readJson } from '@oa/http';
import { postAuthenticated } from '@oa/token-endpoint';
import {
  explainGuess,
  OAuthError,
  type AuthorizationServer,
  type Client,
  type RequestOptions,
  type Token,
} from '@oa/types';
import { toErrorText } from '@oa/types/rfc';

/**
 * What a server says about a token, with every member that it sent.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7662#section-2.2
 */
export interface Introspection {
  /** Whether the token is valid now. All other members are absent if it is not. */
  active: boolean;
  /** Scopes separated by spaces. */
  scope?: string;
  client_id?: string;
  /** A name of the user, for people to read. */
  username?: string;
  token_type?: string;
  /** The user, or the client if the token has no user. */
  sub?: string;
  iss?: string;
  /** Seconds since the epoch. */
  exp?: number;
  /** Seconds since the epoch. */
  iat?: number;
  [member: string]: unknown;
}

/** The options of {@link introspect}. */
export interface IntrospectOptions extends RequestOptions {
  /**
   * How the client authenticates: a built-in method, or a function for any other.
   *
   * @default the method that client and server have in common
   */
  authentication?: AuthenticationOption | undefined;
}

/**
 * Asks the server whether an access token is valid, and for whom. The client authenticates as at the token endpoint.
 *
 * @param token a token response, or the access token that a resource server received
 * @returns the answer. A token that the server does not know has `active: false`.
 * @throws {OAuthError} `endpoint_missing` if the server has no `introspection_endpoint`; `oauth_error`, `http_error`,
 *   `unsupported_client_authentication`, `network_error`, `timeout`, `insecure_url`, `redirect_refused`, `response_too_large`,
 *   `unexpected_content_type`, `invalid_json`, `invalid_response`
 * @throws {TypeError} if the access token or `client.client_id` is missing, or if an option is wrong
 * @throws the reason of `options.signal` when it aborts
 * @see https://www.rfc-editor.org/rfc/rfc7662#section-2.1
 *
 * @example
 * ```ts
 * const { active, sub } = await introspect(server, client, token);
 * ```
 */
export async function introspect(
  server: AuthorizationServer,
  client: Client,
  token: Token | string,
  options: IntrospectOptions = {},
): Promise<Introspection> {
  const value: unknown = typeof token === 'string' ? token : token?.access_token;
  if (typeof value !== 'string' || value === '')
    throw new TypeError('token must be a token response with an access_token, or a non-empty string.');
  const url = server.introspection_endpoint;
  if (url === undefined) return explainGuess(server, options, () => Promise.reject(introspectionMissing(server)));
  const { introspectionSchema } = await import('./schemas.ts');
  const form = { url, parameters: { token: value, token_type_hint: 'access_token' }, idempotent: true };
  return postAuthenticated(
    toIntrospectionServer(server),
    client,
    form,
    async (response) => readJson(response, introspectionSchema),
    options,
  );
}

function introspectionMissing({ issuer }: AuthorizationServer): OAuthError {
  return new OAuthError(
    'endpoint_missing',
    `${toErrorText(issuer, 200)} names no introspection_endpoint. Tokens can't be checked there.`,
  );
}

/** RFC 8414 section 2 has lists of its own for this endpoint. */
function toIntrospectionServer(server: AuthorizationServer): AuthorizationServer {
  const methods = server.introspection_endpoint_auth_methods_supported;
  const algs = server.introspection_endpoint_auth_signing_alg_values_supported;
  return {
    ...server,
    ...(methods !== undefined && { token_endpoint_auth_methods_supported: methods }),
    ...(algs !== undefined && { token_endpoint_auth_signing_alg_values_supported: algs }),
  };
}
