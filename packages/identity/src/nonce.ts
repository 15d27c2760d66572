import type { Token } from '@oa/types';
import { assertNonceClaim } from './claims.ts';
import { hasIdToken, parseIdToken } from './id-token.ts';

/**
 * Refuses a token response that belongs to another login. `login` of `@oa/loopback` calls it before it returns a token.
 *
 * A token response without an ID token is accepted, because an OAuth server that does not know OpenID Connect issues none.
 *
 * @param nonce the `nonce` of the authorization URL
 * @throws {OAuthError} `invalid_id_token`
 * @see https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
 */
export function assertIdTokenNonce(token: Token, nonce: string): void {
  if (hasIdToken(token)) assertNonceClaim(parseIdToken(token).claims, nonce);
}
