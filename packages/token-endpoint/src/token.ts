import { OAuthError, type Token, type TokenResponse } from '@oa/types';

/** Seconds. A longer lifetime (some servers send the largest integer they know) means "for ever", and still fits into a date. */
const LONGEST_LIFETIME = 100 * 365 * 86_400;
/** Seconds since the epoch below it are no moment of this century's tokens; above it they are milliseconds. */
const EARLIEST = 1_000_000_000;
const LATEST = 100_000_000_000;

/**
 * `response` as a Token with `expires_at`.
 *
 * The lifetime counts from `sentAt`, when the request went out: the server has started it later, so that the token is never
 * believed to live longer than it does, however slow the answer was. A clock of the server's own (`created_at`, `iat`) is not used, and its
 * `expires_at` only where it names no lifetime.
 */
export function stamped(response: TokenResponse, sentAt: number): Token {
  const { expires_at: theirs, ...token } = response;
  const expiresAt = token.expires_in === undefined ? momentOf(theirs) : sentAt / 1000 + lifetimeOf(token.expires_in);
  return expiresAt === undefined ? token : { ...token, expires_at: Math.floor(expiresAt) };
}

function lifetimeOf(expiresIn: number): number {
  return Math.min(Math.max(expiresIn, 0), LONGEST_LIFETIME);
}

/** A server's `expires_at`: seconds or milliseconds since the epoch, as a number or text, or a date as text. */
function momentOf(value: unknown): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  const seconds = /^\s*$/.test(String(value)) ? Number.NaN : Number(value);
  const moment = Number.isNaN(seconds) ? Date.parse(String(value)) / 1000 : seconds > LATEST ? seconds / 1000 : seconds;
  return moment >= EARLIEST && moment <= LATEST ? moment : undefined;
}

/** RFC 6749 appendix A.12. Anything else would break the header that carries it, or smuggle another one in. */
export function checkAccessToken(token: TokenResponse): void {
  if (/^[\x20-\x7e]+$/.test(token.access_token)) return;
  throw new OAuthError(
    'invalid_response',
    'The access token holds characters that RFC 6749 appendix A.12 does not allow.',
  );
}

/**
 * The token type as it is spelled in a header (RFC 6749 section 7.1: not case-sensitive), or `undefined` where the server sent none.
 * Apigee says `BearerToken`. `other` is the type that the client's authentication makes usable.
 */
export function tokenTypeOf(token: TokenResponse, other: string | undefined): string | undefined {
  const type = token.token_type.toLowerCase();
  if (type === '') return undefined;
  if (type === 'bearer' || type === 'bearertoken') return 'Bearer';
  if (type === other?.toLowerCase()) return other;
  throw new OAuthError(
    'unsupported_token_type',
    `The server issued a token of a type other than Bearer${other === undefined ? '' : ` and ${other}`}, which can't be used as one.`,
  );
}
