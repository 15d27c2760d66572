import { toBase64Url } from '@oa/mechanisms';
import { createSigner, type Signer, type SigningKey } from './signing-key.ts';

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
  return signWithSigner(await createSigner(key, header.alg), header, claims);
}

/** Signs a JWT with a key that is imported already. */
export async function signWithSigner(
  { alg, kid, sign }: Signer,
  header: Record<string, unknown>,
  claims: Record<string, unknown>,
): Promise<string> {
  const data = [{ ...(kid !== undefined && { kid }), ...header, alg }, claims].map(toPart).join('.');
  const signature = await sign(new TextEncoder().encode(data), alg);
  return `${data}.${toBase64Url(signature)}`;
}

function toPart(value: object): string {
  return toBase64Url(new TextEncoder().encode(JSON.stringify(value)));
}
