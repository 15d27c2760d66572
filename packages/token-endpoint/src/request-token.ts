import { readJson, type HttpResponse } from '@oa/http';
import { OAuthError, type AuthorizationServer, type Client, type RequestParameters, type Token } from '@oa/types';
import type { TokenEndpointOptions } from '@oa/client-authentication';
import { checkParameters } from './parameters.ts';
import { send } from './send.ts';
import { checkAccessToken, stamped, tokenTypeOf } from './token.ts';

/**
 * Asks the token endpoint for a token (RFC 6749 section 3.2), with any grant: `parameters` is what the grant sends, `grant_type` included.
 *
 * The token is stamped with `expires_at`. Where the server names no scope it is the one that was asked for (section 5.1). Only a client
 * credentials request is repeated after it may have arrived: a code or a refresh token works once.
 *
 * Rejects with `oauth_error`, `http_error`, `invalid_response`, `unsupported_token_type`, `endpoint_missing`,
 * `unsupported_client_authentication`, or a code of `@oa/http`.
 */
export async function requestToken(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters,
  options: TokenEndpointOptions = {},
): Promise<Token> {
  checkParameters(parameters);
  return askForToken(server, client, parameters, options);
}

/** The same without the check of the caller's parameters. `before` sees the answer first, and may throw. */
export async function askForToken(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters,
  options: TokenEndpointOptions,
  before?: (response: HttpResponse) => void,
): Promise<Token> {
  const { grant_type, scope } = parameters;
  if (typeof grant_type !== 'string' || grant_type === '') throw new TypeError('parameters.grant_type must be a text');
  if (grant_type === 'password')
    throw new TypeError('the password grant must not be used (RFC 9700 section 2.4); log in with a browser instead');
  const url = server.token_endpoint;
  if (typeof url !== 'string')
    throw new OAuthError('endpoint_missing', `${server.issuer} names no token_endpoint. Check its metadata.`);
  const { tokenResponseSchema } = await import('@oa/types/schemas');
  const repeatable = grant_type === 'client_credentials';
  return send({ server, client, url, parameters, options, repeatable }, (response, authenticated) => {
    before?.(response);
    const token = readJson(response, tokenResponseSchema);
    checkAccessToken(token);
    const type = tokenTypeOf(token, authenticated.token_type);
    if (type === undefined) options.onEvent?.({ type: 'token_type_missing', issuer: server.issuer });
    const complete = { ...token, token_type: type ?? 'Bearer' };
    return stamped(typeof scope === 'string' ? { scope, ...complete } : complete, response.sentAt);
  });
}
