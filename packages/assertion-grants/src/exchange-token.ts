import type { TokenEndpointOptions } from '@oa/token-endpoint';
import { OAuthError, type AssertionSource, type AuthorizationServer, type Client, type Token } from '@oa/types';
import { TOKEN_EXCHANGE_GRANT_TYPE } from '@oa/types/rfc';
import { parseAssertionExpiry } from './assertion-expiry.ts';
import { isAssertionRefused } from './assertion-refused.ts';
import { assertAssertion, type AssertionParameter } from './obtain-assertion.ts';
import { assertOtherParameters, requestByAssertions } from './request-by-assertions.ts';

/** Identifiers of token types have few digits and no capitals. Another text can be a token in their place. */
const SHOWN_TYPE_IDENTIFIER = /^(?:urn:|https?:\/\/)(?!.*\d{5})[a-z\d.:/_-]{1,150}$/;

/** What the request of {@link exchangeToken} says, besides the parameters that a server understands in addition. */
export interface ExchangeParameters {
  /** The token of the subject, or a function that is asked for it for each request. */
  subject_token: string | AssertionSource;
  /** The identifier of its type, such as `urn:ietf:params:oauth:token-type:access_token`. */
  subject_token_type: string;
  /** The token of the party that acts for the subject. */
  actor_token?: string | AssertionSource | undefined;
  /** Required with `actor_token`. */
  actor_token_type?: string | undefined;
  /**
   * The identifier of the type of token that the caller wants.
   *
   * @default what the server decides
   */
  requested_token_type?: string | undefined;
  resource?: string | readonly string[] | undefined;
  audience?: string | readonly string[] | undefined;
  /** Scopes separated by spaces. */
  scope?: string | undefined;
  [parameter: string]: string | readonly string[] | AssertionSource | undefined;
}

/** A token that was issued for another one. */
export interface ExchangedToken extends Token {
  /**
   * The identifier of the type of `access_token`, which can be any token. Where `token_type` is `N_A`, it is no access token.
   *
   * @see https://www.rfc-editor.org/rfc/rfc8693#section-2.2.1
   */
  issued_token_type: string;
}

/**
 * Exchanges a token for another one: for another API, for another user (delegation), or of another type.
 *
 * A token that has expired is not sent. If the server refuses a token, its function is asked for another one, with `rejected`, and the
 * request is sent once more if it returns one. No other grant is tried.
 *
 * The new token expires no later than `subject_token`, if that is a JWT that says when it expires. This is read, not verified.
 *
 * @param client `undefined` where the server wants no client, and no `client_id`
 * @param parameters `subject_token` and `subject_token_type` are required, and `actor_token_type` with `actor_token`. The parameters of the
 *   server are sent too.
 * @returns the token, with `expires_at` in seconds since the epoch
 * @throws {OAuthError} `assertion_unavailable`, `oauth_error`, `http_error`, `invalid_response` (also for another type than the requested one),
 *   `unsupported_token_type`, `endpoint_missing`, `unsupported_client_authentication`, `network_error`, `timeout`, `insecure_url`,
 *   `redirect_refused`, `response_too_large`, `unexpected_content_type`, `invalid_json`
 * @throws {TypeError} if a required parameter is missing, if a parameter or an option is wrong, or if `client.client_id` is missing
 * @throws the error of a function that is asked for a token, or the reason of `options.signal` when it aborts
 * @see https://www.rfc-editor.org/rfc/rfc8693#section-2
 * @example
 * ```ts
 * const token = await exchangeToken(server, client, {
 *   subject_token: tokenOfTheUser,
 *   subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
 *   audience: 'https://api.example',
 * });
 * ```
 */
export async function exchangeToken(
  server: AuthorizationServer,
  client: Client | undefined,
  parameters: ExchangeParameters,
  options: TokenEndpointOptions = {},
): Promise<ExchangedToken> {
  const { subject_token, actor_token, ...others } = parameters;
  const assertions = [toAssertionParameter('subject_token', subject_token, others.subject_token_type)];
  if (actor_token !== undefined)
    assertions.push(toAssertionParameter('actor_token', actor_token, others.actor_token_type));
  else if (others.actor_token_type !== undefined)
    throw new TypeError(
      'The parameter actor_token_type must come with an actor_token (RFC 8693 section 2.1). Leave it out.',
    );
  assertOtherParameters(others, ['assertion']);
  const { now = Date.now } = options;
  const askedAt = now();
  const { token, sent } = await requestByAssertions(
    server,
    client,
    {
      parameters: { ...others, grant_type: TOKEN_EXCHANGE_GRANT_TYPE },
      assertions,
      isRefusal: (error) => isAssertionRefused(error, TOKEN_EXCHANGE_GRANT_TYPE),
      advice: `${assertions.length === 1 ? 'The subject_token was' : 'The subject_token and the actor_token were'} sent to it. Check that it trusts the issuer, that the type is right, and that it allows the exchange to this client.`,
    },
    options,
  );
  const issued_token_type = issuedTypeOf(token, others.requested_token_type);
  const exp = parseAssertionExpiry(sent['subject_token'] ?? '');
  return { ...limitLifetime(token, exp, askedAt), issued_token_type };
}

function toAssertionParameter(name: string, source: unknown, type: unknown): AssertionParameter {
  assertAssertion(name, source);
  if (typeof type === 'string' && type !== '') return { name, source };
  throw new TypeError(
    `The parameter ${name}_type must be the identifier of the type of the ${name}, such as urn:ietf:params:oauth:token-type:access_token (RFC 8693 section 3).`,
  );
}

/** RFC 8693 section 2.2.1: the server must say what it issued. What was not asked for may be a token with more rights. */
function issuedTypeOf(token: Token, requested: string | undefined): string {
  const issued = token['issued_token_type'];
  if (typeof issued === 'string' && issued !== '' && (requested === undefined || requested === issued)) return issued;
  const asked = requested === undefined ? '' : ` The request asked for ${toShownType(requested)}.`;
  throw new OAuthError(
    'invalid_response',
    `The server issued ${toShownType(issued)}, by the member issued_token_type of its answer (RFC 8693 section 2.2.1).${asked} The token is not used. Ask the server operator which types the server issues.`,
  );
}

function toShownType(type: unknown): string {
  if (type === undefined || type === null || type === '') return 'a token without a type';
  return typeof type === 'string' && SHOWN_TYPE_IDENTIFIER.test(type) ? type : 'a token of another type';
}

/** Cuts the lifetime of a token to `exp`, in seconds since the epoch. */
function limitLifetime(token: Token, exp: number | undefined, askedAt: number): Token {
  if (exp === undefined || (token.expires_at !== undefined && token.expires_at <= exp)) return token;
  const expires_at = Math.floor(exp);
  return { ...token, expires_in: Math.max(0, expires_at - Math.floor(askedAt / 1000)), expires_at };
}
