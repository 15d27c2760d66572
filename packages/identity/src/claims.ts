import { toBase64Url } from '@oa/mechanisms';
import type { Token } from '@oa/types';
import { invalidIdToken, type IdTokenClaims } from './id-token.ts';
import type { ReadIdTokenOptions } from './options.ts';

/** How far the clocks of the server and of this machine may differ. */
const CLOCK_TOLERANCE_SECONDS = 60;
/** The times that can't be in the future. */
const PAST_CLAIMS = ['iat', 'nbf', 'auth_time'] as const;

type Claims = Readonly<Record<string, unknown>>;

/**
 * Checks the claims of an ID token.
 *
 * @throws {OAuthError} `invalid_id_token`
 * @see https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
 */
export function assertClaims(claims: Claims, options: ReadIdTokenOptions): asserts claims is IdTokenClaims {
  const { server, client_id } = options;
  if (claims['iss'] !== server.issuer)
    throw invalidIdToken(
      'The ID token names another issuer than the server. Check the server. Do not trust the token.',
    );
  if (typeof claims['sub'] !== 'string' || claims['sub'] === '')
    throw invalidIdToken(
      'The ID token names no user: its sub must be a non-empty string. Report it to the server operator.',
    );
  assertAudience(claims, client_id);
  assertTimes(claims, options);
  if (options.nonce !== undefined) assertNonceClaim(claims, options.nonce);
}

/**
 * Compares the `nonce` of an ID token with the one that the login sent.
 *
 * @throws {OAuthError} `invalid_id_token`
 */
export function assertNonceClaim(claims: Claims, nonce: string): void {
  if (claims['nonce'] === nonce) return;
  throw invalidIdToken(
    claims['nonce'] === undefined
      ? 'The ID token has no nonce, although the login sent one. Report it to the server operator.'
      : 'The ID token belongs to another login: its nonce is not the one that the login sent. Log in again.',
  );
}

/** The ID token must be for this client. One for several clients must say that it was issued to this one. */
function assertAudience({ aud, azp }: Claims, client_id: string): void {
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!audiences.includes(client_id) || !audiences.every((each) => typeof each === 'string'))
    throw invalidIdToken('The ID token is for another client: its aud does not name this one. Check the client_id.');
  if (azp === client_id || (azp === undefined && audiences.length === 1)) return;
  throw invalidIdToken(
    azp === undefined
      ? 'The ID token is for several clients, and has no azp that names this one. Report it to the server operator.'
      : 'The ID token was issued to another client: its azp does not name this one. Check the client_id.',
  );
}

function assertTimes(claims: Claims, { max_age, now = Date.now }: ReadIdTokenOptions): void {
  const clock = now() / 1000;
  const required: readonly string[] = max_age === undefined ? ['exp', 'iat'] : ['exp', 'iat', 'auth_time'];
  for (const name of ['exp', ...PAST_CLAIMS])
    if (claims[name] === undefined ? required.includes(name) : !Number.isFinite(claims[name]))
      throw invalidIdToken(
        `The ID token must have ${name} as a number of seconds (OpenID Connect Core section 2). Report it to the server operator.`,
      );
  const { exp, auth_time } = claims as unknown as IdTokenClaims;
  // Also refused with a clock that shows no number.
  if (!(exp + CLOCK_TOLERANCE_SECONDS > clock))
    throw invalidIdToken(`The ID token is expired. Log in again, or ask the server with userInfo. ${clockText(clock)}`);
  const future = PAST_CLAIMS.find((name) => Number(claims[name]) > clock + CLOCK_TOLERANCE_SECONDS);
  if (future !== undefined) throw invalidIdToken(`The ${future} of the ID token is in the future. ${clockText(clock)}`);
  if (max_age !== undefined && Number(auth_time) + max_age + CLOCK_TOLERANCE_SECONDS < clock)
    throw invalidIdToken(`The login is older than max_age allows. Log in again. ${clockText(clock)}`);
}

function clockText(clock: number): string {
  const date = new Date(clock * 1000);
  return `Check the clock of this machine: it shows ${Number.isNaN(date.getTime()) ? 'no date' : date.toISOString()}.`;
}

/**
 * Checks that the access token belongs to the ID token, if the ID token says so.
 *
 * @param hash the hash of the signature algorithm
 * @throws {OAuthError} `invalid_id_token`
 * @see https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken
 */
export async function assertAccessTokenHash({ at_hash }: Claims, token: Token, hash: string): Promise<void> {
  if (at_hash === undefined) return;
  const digest = new Uint8Array(await crypto.subtle.digest(hash, new TextEncoder().encode(token.access_token)));
  if (at_hash === toBase64Url(digest.subarray(0, digest.length / 2))) return;
  throw invalidIdToken(
    'The ID token belongs to another access token: its at_hash is not the hash of this one. After a refresh without a new ID token, ask the server with userInfo. Otherwise log in again.',
  );
}
