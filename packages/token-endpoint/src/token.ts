import { OAuthError, type Token, type TokenResponse } from '@oa/types';
import { TOKEN_EXCHANGE_GRANT_TYPE } from '@oa/types/rfc';

/** A longer lifetime means "for ever": some servers send the largest integer they know. This one still fits into a date. */
const MAX_LIFETIME_SECONDS = 100 * 365 * 86_400;
/** An `expires_at` below it is not a time of this century. */
const MIN_EXPIRES_AT_SECONDS = 1_000_000_000;
/** An `expires_at` above it is in milliseconds. */
const MAX_EXPIRES_AT_SECONDS = 100_000_000_000;

const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';

/** The name of a type, and no token in its place. */
const SHOWN_TYPE_PATTERN = /^[a-z_-]{1,20}$/;

/**
 * Adds `expires_at` to a token response.
 *
 * The lifetime counts from `sentAt`, when the request went out. The server started it later, so the token never counts as valid for longer
 * than it is, however slow the response was. The clock of the server (`created_at`, `iat`) is not used, and its `expires_at` only where it
 * names no lifetime.
 *
 * @param sentAt milliseconds since the epoch
 */
export function stampToken(response: TokenResponse, sentAt: number): Token {
  // A key that a server chose would make proofs that the server can make too.
  const { expires_at: published, dpop_key: _, ...token } = response;
  const seconds =
    token.expires_in === undefined
      ? parseExpiresAt(published)
      : sentAt / 1000 + Math.min(Math.max(token.expires_in, 0), MAX_LIFETIME_SECONDS);
  return seconds === undefined ? token : { ...token, expires_at: Math.floor(seconds) };
}

/** Parses the `expires_at` of a server: seconds or milliseconds since the epoch, as a number or a string, or a date as a string. */
function parseExpiresAt(value: unknown): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  const number = /^\s*$/.test(String(value)) ? Number.NaN : Number(value);
  const date = Date.parse(String(value)) / 1000;
  const seconds = Number.isNaN(number) ? date : number > MAX_EXPIRES_AT_SECONDS ? number / 1000 : number;
  return seconds >= MIN_EXPIRES_AT_SECONDS && seconds <= MAX_EXPIRES_AT_SECONDS ? seconds : undefined;
}

/** RFC 6749 appendix A.12. Any other character would break the header that carries the token, or add another header. */
export function assertAccessToken(token: TokenResponse): void {
  if (/^[\x20-\x7e]+$/.test(token.access_token)) return;
  throw new OAuthError(
    'invalid_response',
    'The access token holds characters that RFC 6749 appendix A.12 does not allow.',
  );
}

/**
 * Spells the token type as a header needs it, or returns `undefined` where the server sent none. RFC 6749 section 7.1: it is not
 * case-sensitive. Apigee writes `BearerToken`.
 *
 * @param other the type that the authentication of the client makes usable
 * @param bearerTypes the types that the caller uses as Bearer
 * @param grant the grant type. A token exchange can issue something else than an access token, with the type `N_A` (RFC 8693 section 2.2.1).
 */
export function tokenTypeOf(
  token: TokenResponse,
  other: string | undefined,
  bearerTypes: readonly string[] = [],
  grant?: unknown,
): string | undefined {
  const type = token.token_type.trim().toLowerCase();
  if (type === '') return undefined;
  if (type === 'n_a' && grant === TOKEN_EXCHANGE_GRANT_TYPE && token['issued_token_type'] !== ACCESS_TOKEN_TYPE)
    return 'N_A';
  if (/^bearer[ _-]?(?:token)?$/.test(type)) return 'Bearer';
  if (type === other?.toLowerCase()) return other;
  if (bearerTypes.some((each) => type === each.toLowerCase())) return 'Bearer';
  const shown = SHOWN_TYPE_PATTERN.test(type) ? `, "${type}"` : '';
  throw new OAuthError(
    'unsupported_token_type',
    `The server issued a token of a type other than Bearer${other === undefined ? '' : ` and ${other}`}${shown}. This program can't use it. If the server documents that it is used as a Bearer token, list its type in the option \`bearerTypes\`.`,
  );
}
