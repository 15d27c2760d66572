import type { Token } from '@oa/types';
import { assertHeader } from './algorithm.ts';
import { assertAccessTokenHash, assertClaims } from './claims.ts';
import { parseIdToken, type IdTokenClaims } from './id-token.ts';
import { assertReadIdTokenOptions, type ReadIdTokenOptions } from './options.ts';

/**
 * Reads who logged in from the ID token of a token response.
 *
 * The claims are always checked: `iss`, `sub`, `aud`, `azp`, `exp`, `iat`, `nbf`, `nonce`, `auth_time` and `at_hash`. Clocks may differ by 60
 * seconds. An ID token must be signed with a public key, so `none` and `HS256` are refused, also if the signature is not verified.
 *
 * An ID token is about the moment of the login, and it expires soon. For a stored token ask the server with {@link userInfo}.
 *
 * @returns the claims, with times in seconds since the epoch
 * @throws {OAuthError} `invalid_id_token` if there is no ID token, or if it must not be trusted. With `verify: 'signature'` also
 *   `endpoint_missing` if the server has no `jwks_uri`; `insecure_url`, `network_error`, `timeout`, `redirect_refused`,
 *   `response_too_large`, `oauth_error`, `http_error`, `unexpected_content_type`, `invalid_json`, `invalid_response`
 * @throws {TypeError} if an option is wrong
 * @throws the reason of `options.signal` when it aborts
 * @see https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
 *
 * @example
 * ```ts
 * const { sub } = await readIdToken(token, { server, client_id: 'my-tool' });
 * ```
 */
export async function readIdToken(token: Token, options: ReadIdTokenOptions): Promise<IdTokenClaims> {
  assertReadIdTokenOptions(options);
  const { server, client_id: _, nonce: __, max_age: ___, verify = 'claims', ...network } = options;
  const parsed = parseIdToken(token);
  const hash = assertHeader(parsed.header);
  const { claims } = parsed;
  assertClaims(claims, options);
  await assertAccessTokenHash(claims, token, hash);
  if (verify === 'signature') {
    const { assertSignature } = await import('./signature.ts');
    await assertSignature(parsed, server, network);
  }
  return claims;
}
