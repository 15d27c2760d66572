/**
 * The response of a token endpoint, with every member that the server sent.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.1
 */
export interface TokenResponse {
  access_token: string;
  token_type: string;
  /** Lifetime in seconds, counted from the moment of the response. */
  expires_in?: number;
  refresh_token?: string;
  /** Scopes separated by spaces. */
  scope?: string;
  /**
   * What the server granted, where `authorization_details` were asked for.
   *
   * @see https://www.rfc-editor.org/rfc/rfc9396#section-7
   */
  authorization_details?: AuthorizationDetail[];
  [member: string]: unknown;
}

/**
 * A permission that a scope can't express, such as a payment with its amount. The members besides `type` belong to the type.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9396#section-2
 */
export interface AuthorizationDetail {
  type: string;
  [member: string]: unknown;
}

/** A token response with the time of its expiry, stamped when the response arrived. */
export interface Token extends TokenResponse {
  /** Seconds since the epoch. Absent if the server named no lifetime. */
  expires_at?: number;
  /** The client that obtained the token, as `@oa/manager` stores it. A refresh token belongs to this client. */
  issued_to?: TokenClient;
  /**
   * The resources that the login named besides the one of the token, as `@oa/manager` stores them: the refresh token serves these too.
   *
   * @see https://www.rfc-editor.org/rfc/rfc8707#section-2.2
   */
  named_resources?: string[];
  /** The private key that a token of type DPoP is bound to. Token and key are of use together only, so they are stored together. */
  dpop_key?: DpopKey;
}

/**
 * The private key of DPoP proofs, as a JWK. It is a secret, as a refresh token is.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9449#section-4.2
 * @see https://www.rfc-editor.org/rfc/rfc7518#section-6.2
 */
export interface DpopKey {
  kty: 'EC';
  crv: 'P-256';
  x: string;
  y: string;
  d: string;
}

/**
 * The client that a token was issued to.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-6
 */
export interface TokenClient {
  client_id: string;
  /** Where the client came from: the credentials, a registration, or the URL of its metadata document. */
  source: 'configured' | 'registration' | 'metadata_document';
  /** Whether the client authenticates with a secret. Without one the `client_id` is enough for a refresh. */
  has_secret: boolean;
}

/** What a caller may ask of a {@link TokenSource}. */
export interface TokenSourceOptions {
  /** Ends the call when it aborts. The promise then rejects with the reason of the signal. */
  signal?: AbortSignal | undefined;
  /** The access token that a resource server has just refused. The source does not return it again. */
  rejected?: string | undefined;
  /** Milliseconds for which the token must stay valid. */
  minimumValidity?: number | undefined;
  /**
   * Scopes that a resource server asked for with `insufficient_scope`. They are added to the scopes of the source.
   *
   * @see https://www.rfc-editor.org/rfc/rfc6750#section-3.1
   */
  scope?: string | undefined;
  /**
   * The `WWW-Authenticate` header of the resource server's refusal. It says where the metadata of the resource is, and which scopes it asks
   * for. Empty where the refusal had none: the resource is not requested again for its challenge.
   *
   * @see https://www.rfc-editor.org/rfc/rfc9728#section-5.1
   */
  challenge?: string | undefined;
  /**
   * Whether only a stored token is of use, refreshed where that is needed. Without one the source rejects with `login_required`, and makes no
   * grant and no discovery of a resource.
   *
   * @default false
   */
  stored?: boolean | undefined;
  /**
   * The authentication contexts that a resource server asked for with `insufficient_user_authentication`, separated by spaces. The user
   * logs in again, although a token is stored.
   *
   * @see https://www.rfc-editor.org/rfc/rfc9470#section-3
   */
  acr_values?: string | undefined;
  /** The seconds that a resource server allows since the login, with `insufficient_user_authentication`. The user logs in again. */
  max_age?: number | undefined;
  /** `never` asks no user, whatever the source may do otherwise. It then rejects with `login_required`. */
  interaction?: 'never' | undefined;
}

/** A function that returns a valid token. It rejects with an `OAuthError`, or with the reason of the signal. */
export type TokenSource = (options?: TokenSourceOptions) => Promise<Token>;

/** A token counts as expired from this many milliseconds before its expiry. */
export const DEFAULT_LEEWAY_MS = 60_000;
/** The clock may be set back by this much without an effect on tokens. */
const MAX_CLOCK_STEP_MS = 10_000;

/**
 * Whether `token` must be renewed, because `leeway` or less is left of it.
 *
 * - The leeway is at most half of the lifetime. Otherwise every token of a server with short lifetimes would be expired.
 * - A token without `expires_at` never counts as expired. Only its resource server knows.
 * - A token with more than its whole lifetime left counts as expired. The clock was set back after the token arrived, so the real expiry
 *   is unknown.
 *
 * @param options `leeway`: milliseconds, by default 60,000. `now`: the clock, in milliseconds since the epoch, by default `Date.now`.
 * @example
 * const token = isExpired(stored) ? await renew(stored) : stored;
 */
export function isExpired(
  token: Token,
  options: { leeway?: number | undefined; now?: (() => number) | undefined } = {},
): boolean {
  if (token.expires_at === undefined) return false;
  const left = token.expires_at * 1000 - (options.now ?? Date.now)();
  const leeway = options.leeway ?? DEFAULT_LEEWAY_MS;
  if (token.expires_in === undefined) return left <= leeway;
  const lifetime = Math.max(token.expires_in, 0) * 1000;
  return left <= Math.min(leeway, lifetime / 2) || left > lifetime + MAX_CLOCK_STEP_MS;
}
