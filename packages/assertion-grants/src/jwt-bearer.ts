import type { TokenEndpointOptions } from '@oa/token-endpoint';
import type { AssertionSource, AuthorizationServer, Client, Token } from '@oa/types';
import { JWT_BEARER_GRANT_TYPE } from '@oa/types/rfc';
import { isAssertionRefused } from './assertion-refused.ts';
import { assertAssertion } from './obtain-assertion.ts';
import { assertOtherParameters, requestByAssertions } from './request-by-assertions.ts';

/** What the request of {@link jwtBearer} says, besides the parameters that a server understands in addition. */
export interface JwtBearerParameters {
  /** The JWT, or a function that is asked for one for each request. */
  assertion: string | AssertionSource;
  /** Scopes separated by spaces. */
  scope?: string | undefined;
  [parameter: string]: string | readonly string[] | AssertionSource | undefined;
}

/**
 * Requests a token for a JWT: that of a workload, of a service account, or the identity assertion of a user ({@link idJag}).
 *
 * An assertion that has expired is not sent. If the server refuses the assertion (`invalid_grant`), a function is asked for another one,
 * with `rejected`, and the request is sent once more if it returns one. No other grant is tried.
 *
 * The token lives as long as the server says. The lifetime of the assertion is no limit: that of a service account is valid for a minute,
 * and its tokens for an hour.
 *
 * @param client `undefined` where the assertion is all that the server wants, and no `client_id`
 * @param parameters `assertion` is required. `scope`, `resource`, `audience` and the parameters of the server are sent too.
 * @returns the token, with `expires_at` in seconds since the epoch. Where the server names no scope, it has the requested one.
 * @throws {OAuthError} `assertion_unavailable`, `oauth_error`, `http_error`, `invalid_response`, `unsupported_token_type`, `endpoint_missing`,
 *   `unsupported_client_authentication`, `network_error`, `timeout`, `insecure_url`, `redirect_refused`, `response_too_large`,
 *   `unexpected_content_type`, `invalid_json`
 * @throws {TypeError} if `assertion` is missing, if a parameter or an option is wrong, or if `client.client_id` is missing
 * @throws the error of the function `assertion`, or the reason of `options.signal` when it aborts
 * @see https://www.rfc-editor.org/rfc/rfc7523#section-2.1
 * @example
 * ```ts
 * const token = await jwtBearer(server, undefined, { assertion: source, scope: 'read' });
 * ```
 */
export async function jwtBearer(
  server: AuthorizationServer,
  client: Client | undefined,
  parameters: JwtBearerParameters,
  options: TokenEndpointOptions = {},
): Promise<Token> {
  const { assertion, ...others } = parameters;
  assertAssertion('assertion', assertion);
  assertOtherParameters(others);
  const { token } = await requestByAssertions(
    server,
    client,
    {
      parameters: { ...others, grant_type: JWT_BEARER_GRANT_TYPE },
      assertions: [{ name: 'assertion', source: assertion }],
      isRefusal: (error) => isAssertionRefused(error, JWT_BEARER_GRANT_TYPE),
      advice:
        'The assertion was sent to it. Check that it trusts the issuer (`iss`) and the subject (`sub`) of the assertion, and that the assertion names it as the audience (`aud`).',
    },
    options,
  );
  return token;
}
