import { isObject } from '@oa/mechanisms';
import type { TokenEndpointOptions } from '@oa/token-endpoint';
import type { AuthorizationServer, Client, RequestParameters, Token } from '@oa/types';

const CURE = 'Return what requestToken of @oa/token-endpoint resolves with.';

/** What a {@link Grant} needs for its request. */
export interface GrantRequest {
  server: AuthorizationServer;
  client: Client;
  /** `scope`, `resource`, `audience` and the `parameters` of the credentials. */
  parameters: RequestParameters;
  /** The options for `requestToken` of `@oa/token-endpoint`: the signal of the caller, and how the client authenticates. */
  options: TokenEndpointOptions;
}

/**
 * Makes a grant that is not built in. It resolves with a token as `requestToken` of `@oa/token-endpoint` makes it: with `expires_at`, where
 * the server names a lifetime. It rejects with an `OAuthError`, or with the reason of the signal.
 *
 * @example
 * const grant: Grant = ({ server, client, parameters, options }) =>
 *   requestToken(server, client, { ...parameters, grant_type: 'urn:example:grant', code: readCode() }, options);
 */
export type Grant = (request: GrantRequest) => Promise<Token>;

/**
 * Refuses what is no token, before it is stored. A token without the time of its expiry would be used for ever.
 *
 * @throws {TypeError} that names the member. It shows no part of the token.
 */
export function assertGranted(token: unknown): asserts token is Token {
  if (!isObject(token)) throw new TypeError(`credentials.grant must resolve with a token. ${CURE}`);
  const { access_token, token_type, expires_in, expires_at } = token;
  for (const [name, value] of Object.entries({ access_token, token_type }))
    if (typeof value !== 'string' || value === '')
      throw new TypeError(`credentials.grant must resolve with a token whose ${name} is a non-empty string. ${CURE}`);
  for (const [name, value] of Object.entries({ expires_in, expires_at }))
    if (value !== undefined && !Number.isFinite(value))
      throw new TypeError(`credentials.grant must resolve with a token whose ${name} is a number of seconds. ${CURE}`);
  if (expires_in !== undefined && expires_at === undefined)
    throw new TypeError(`credentials.grant resolved with a token that has expires_in and no expires_at. ${CURE}`);
}
