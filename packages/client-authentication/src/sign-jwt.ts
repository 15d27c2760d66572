import { loadAssertions } from './lazy.ts';
import type { SigningKey } from './signing-key.ts';

/**
 * Signs a JWT in the compact form.
 *
 * @param header its members besides `alg` and `kid`, such as `typ`. `alg` chooses between the algorithms of an RSA key, and names that of a
 *   function. `kid` overrides the one of a JWK.
 * @param claims `iat`, `exp` and `nbf` are in seconds since the epoch
 * @throws {TypeError} if the key can't sign, or not with `alg`. It shows no part of the key.
 * @throws the error of the key, if that is a function
 * @see https://www.rfc-editor.org/rfc/rfc7515#section-7.1
 * @see https://www.rfc-editor.org/rfc/rfc7519#section-7.1
 * @example
 * const now = Math.floor(Date.now() / 1000);
 * const jwt = await signJwt({ typ: 'JWT' }, { iss: 'my-service', iat: now, exp: now + 60 }, privateKey);
 */
export async function signJwt(
  header: Record<string, unknown> & { alg?: string | undefined; kid?: string | undefined },
  claims: Record<string, unknown>,
  key: SigningKey,
): Promise<string> {
  return (await loadAssertions()).signWithKey(header, claims, key);
}
