import { isObject, sha256Base64Url } from '@oa/mechanisms';
import type { DpopKey } from '@oa/types';

/** ES256 (RFC 7518 section 3.4), the one algorithm that servers with DPoP have in common. */
const ES256_KEY = { name: 'ECDSA', namedCurve: 'P-256' };

/** What a proof shows of the key (RFC 9449 section 4.2). */
export type PublicDpopKey = Omit<DpopKey, 'd'>;

/** A key that is ready to sign. */
export interface ImportedKey {
  /** The private key. It can't be exported. */
  privateKey: Awaited<ReturnType<typeof crypto.subtle.importKey>>;
  jwk: PublicDpopKey;
}

/**
 * Creates a private key for proofs, to be kept with the token that it is for, as long as that can be used or refreshed. Only programs that may
 * use the token may read it.
 *
 * @returns an ES256 key as a JWK, which JSON can hold. It is a secret, as a refresh token is.
 * @throws {TypeError} if the platform has no `crypto.subtle`, as a browser on a page that is not of a secure origin
 * @see https://www.rfc-editor.org/rfc/rfc9449#section-11.4
 * @example
 * ```ts
 * const key = await createDpopKey();
 * const dpop = await createDpop(key);
 * const token = await requestToken(server, client, parameters, { authentication: dpop.authentication() });
 * await save({ ...token, dpop_key: key });
 * ```
 */
export async function createDpopKey(): Promise<DpopKey> {
  const { privateKey } = await crypto.subtle.generateKey(ES256_KEY, true, ['sign', 'verify']);
  return toDpopKey(await crypto.subtle.exportKey('jwk', privateKey));
}

/**
 * Imports a key for signatures. No error shows any part of it.
 *
 * @throws {TypeError} if it is no private P-256 key
 */
export async function importDpopKey(key: unknown): Promise<ImportedKey> {
  const { d, ...jwk } = toDpopKey(key);
  const privateKey = await crypto.subtle
    .importKey('jwk', { ...jwk, d }, ES256_KEY, false, ['sign'])
    // The error of the platform can quote the key.
    .catch(() => undefined);
  if (privateKey === undefined) throw new TypeError('The DPoP key is damaged. Create one with createDpopKey().');
  return { privateKey, jwk };
}

/**
 * The thumbprint of a key, as servers write it into the tokens that they bind to it.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7638#section-3
 * @see https://www.rfc-editor.org/rfc/rfc9449#section-6.1
 */
export async function thumbprintOf({ crv, kty, x, y }: PublicDpopKey): Promise<string> {
  // RFC 7638 section 3: the required members alone, in the order of their names.
  return sha256Base64Url(JSON.stringify({ crv, kty, x, y }));
}

/** The members of the key alone: `ext` and `key_ops` of WebCrypto could make it unusable, and are no part of a proof. */
function toDpopKey(key: unknown): DpopKey {
  const { kty, crv, x, y, d } = isObject(key) ? key : {};
  if (kty !== 'EC' || crv !== 'P-256' || typeof x !== 'string' || typeof y !== 'string' || typeof d !== 'string')
    throw new TypeError('A DPoP key must be a private P-256 key as a JWK. Create one with createDpopKey().');
  return { kty, crv, x, y, d };
}
