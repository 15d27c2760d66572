import { readJson } from '@oa/http';
import { createLoader } from '@oa/mechanisms';
import { OAuthError, type AuthorizationServer, type Client, type RequestParameters, type Token } from '@oa/types';
import { assertRequestParameters, toErrorText } from '@oa/types/rfc';
import type { TokenEndpointOptions } from './options.ts';
import { postAuthenticated, type ResponseReader } from './post.ts';
import { assertAccessToken, stampToken, tokenTypeOf } from './token.ts';

const loadTokenSchema = createLoader(async () => (await import('@oa/types/schemas')).tokenResponseSchema);

/**
 * Requests a token from the token endpoint, by any grant.
 *
 * A client credentials request is repeated after a failure. Any other is not, since a code or a refresh token works once: it is repeated
 * only if the connection failed before the request went out, or if the server said that it did not recognise the client.
 *
 * @param parameters the parameters of the grant, with `grant_type`
 * @returns the token, with `expires_at` in seconds since the epoch. Where the server names no scope, it has the requested one.
 * @throws {OAuthError} `oauth_error`, `http_error`, `invalid_response`, `unsupported_token_type`, `endpoint_missing`,
 *   `unsupported_client_authentication`, `network_error`, `timeout`, `insecure_url`, `redirect_refused`, `response_too_large`,
 *   `unexpected_content_type`, `invalid_json`
 * @throws {TypeError} if `parameters.grant_type` is missing or `password`, if a parameter or an option is wrong, or if
 *   `client.client_id` is missing
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-3.2
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.1
 * @example
 * ```ts
 * const token = await requestToken(server, client, { grant_type: 'client_credentials', scope: 'read' });
 * ```
 */
export async function requestToken(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters,
  options: TokenEndpointOptions = {},
): Promise<Token> {
  assertRequestParameters(parameters);
  return fetchToken(server, client, parameters, options);
}

/** What a grant adds to {@link fetchToken}. */
interface GrantRules {
  /** Gets the response first, with what authenticated the request, and may reject. */
  inspectResponse?: ResponseReader<void>;
  /** The token type where the server sends none. */
  token_type?: string;
}

/** Does the same without the check of the parameters. */
export async function fetchToken(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters,
  options: TokenEndpointOptions,
  rules: GrantRules = {},
): Promise<Token> {
  const { grant_type, scope } = parameters;
  if (typeof grant_type !== 'string' || grant_type === '')
    throw new TypeError('The parameter grant_type must be a non-empty string.');
  if (grant_type === 'password')
    throw new TypeError('The password grant must not be used (RFC 9700 section 2.4). Log in with a browser instead.');
  assertBearerTypes(options.bearerTypes);
  const url = server.token_endpoint;
  if (typeof url !== 'string')
    throw new OAuthError(
      'endpoint_missing',
      `${toErrorText(server.issuer, 200)} names no token_endpoint. Check its metadata.`,
    );
  const tokenResponseSchema = await loadTokenSchema();
  const idempotent = grant_type === 'client_credentials';
  const form = { url, parameters, idempotent };
  return postAuthenticated(
    server,
    client,
    form,
    async (response, authenticated) => {
      await rules.inspectResponse?.(response, authenticated);
      const token = await readJson(response, tokenResponseSchema);
      assertAccessToken(token);
      const type = tokenTypeOf(token, authenticated.token_type, options.bearerTypes, grant_type);
      if (type === undefined) options.onEvent?.({ type: 'token_type_missing', issuer: server.issuer });
      const complete = { ...token, token_type: type ?? rules.token_type ?? 'Bearer' };
      return stampToken(typeof scope === 'string' ? { scope, ...complete } : complete, response.sentAt);
    },
    options,
  );
}

function assertBearerTypes(types: unknown): void {
  if (types === undefined || (Array.isArray(types) && types.every((type) => typeof type === 'string' && type !== '')))
    return;
  throw new TypeError('options.bearerTypes must be an array of non-empty strings.');
}
