/** The answer of a token endpoint (RFC 6749 section 5.1), with every member the server sent. */
export interface TokenResponse {
  access_token: string;
  token_type: string;
  /** Lifetime in seconds, counted from the moment of the response. */
  expires_in?: number;
  refresh_token?: string;
  /** Scopes separated by spaces. */
  scope?: string;
  [member: string]: unknown;
}

/** A token response with the time of its expiry, stamped when it was received. */
export interface Token extends TokenResponse {
  /** Seconds since the epoch. Absent where the server named no lifetime. */
  expires_at?: number;
}

/** What a caller may ask of a {@link TokenSource}. */
export interface TokenSourceOptions {
  signal?: AbortSignal | undefined;
  /** The access token that a resource server has just refused: it is not handed out again. */
  rejected?: string | undefined;
  /** Milliseconds for which the token has to stay valid. */
  minimumValidity?: number | undefined;
  /** Scopes that a resource server has asked for (`insufficient_scope`, RFC 6750 section 3.1): wanted besides those the source has. */
  scope?: string | undefined;
}

/** Hands out a valid token. Rejects with an `OAuthError`, or with the signal's own reason. */
export type TokenSource = (options?: TokenSourceOptions) => Promise<Token>;

/** Milliseconds before its expiry from which a token counts as expired. */
export const DEFAULT_LEEWAY_MS = 60_000;
/** A clock may step this much back, in milliseconds, without making its tokens suspicious. */
const CLOCK_STEP = 10_000;

/**
 * Whether `token` has to be renewed: less than `leeway` is left of it.
 *
 * The leeway is at most half of the token's lifetime, so that a server with short lifetimes does not look like one
 * whose tokens are always expired. A token without `expires_at` is never expired: only its resource server knows.
 * A token that seems to have more than its whole lifetime left was stamped by a clock that has since been set back; it
 * counts as expired, because nobody can say when it really does.
 *
 * @param options.leeway milliseconds, 60,000 unless said otherwise
 * @param options.now the clock, in milliseconds since the epoch
 */
export function isExpired(token: Token, options: { leeway?: number; now?: () => number } = {}): boolean {
  if (token.expires_at === undefined) return false;
  const left = token.expires_at * 1000 - (options.now ?? Date.now)();
  const leeway = options.leeway ?? DEFAULT_LEEWAY_MS;
  if (token.expires_in === undefined) return left <= leeway;
  const lifetime = Math.max(token.expires_in, 0) * 1000;
  return left <= Math.min(leeway, lifetime / 2) || left > lifetime + CLOCK_STEP;
}
