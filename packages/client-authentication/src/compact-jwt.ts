import { toBase64Url } from '@oa/mechanisms';
import { createSigner, type Signer, type SigningKey } from './signing-key.ts';

/** Signs a JWT, as `signJwt` says. */
export async function signWithKey(
  header: Record<string, unknown> & { alg?: string | undefined },
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
  const data = [{ ...header, kid: header['kid'] ?? kid, alg }, claims].map(toPart).join('.');
  const signature = await sign(new TextEncoder().encode(data), alg);
  return `${data}.${toBase64Url(signature)}`;
}

function toPart(value: object): string {
  return toBase64Url(new TextEncoder().encode(JSON.stringify(value)));
}
