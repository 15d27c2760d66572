import type { webcrypto } from 'node:crypto';
import { OAuthError, type AuthorizationServer, type RequestOptions } from '@oa/types';
import { toErrorText } from '@oa/types/rfc';
import { signatureAlgorithmOf } from './algorithm.ts';
import { invalidIdToken, type ParsedIdToken } from './id-token.ts';
import { findKeys, findNewerKeys, type PublishedKey } from './keys.ts';

/** RFC 7518 section 3.3. */
const MIN_MODULUS_BITS = 2048;

/**
 * Verifies the signature of an ID token with the keys that the server publishes.
 *
 * @throws {OAuthError} `invalid_id_token`, `endpoint_missing`, or an error of the request for the keys
 * @see https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
 */
export async function assertSignature(
  parsed: ParsedIdToken,
  server: AuthorizationServer,
  options: RequestOptions,
): Promise<void> {
  const { header } = parsed;
  signatureAlgorithmOf(header);
  if (header['kid'] !== undefined && typeof header['kid'] !== 'string')
    throw invalidIdToken(
      'The ID token names its key with a kid that is not a string. Report it to the server operator.',
    );
  const url = server.jwks_uri;
  if (url === undefined)
    throw new OAuthError(
      'endpoint_missing',
      `${toErrorText(server.issuer, 200)} names no jwks_uri. Its signatures can't be verified. Check its metadata.`,
    );
  if (await isSignedBy(await findKeys(url, header, options), parsed)) return;
  const newer = await findNewerKeys(url, header, options);
  if (newer !== undefined && (await isSignedBy(newer, parsed))) return;
  throw invalidIdToken('The signature of the ID token is wrong. Do not trust the token. Log in again.');
}

async function isSignedBy(keys: readonly PublishedKey[], parsed: ParsedIdToken): Promise<boolean> {
  const [key] = keys;
  if (key === undefined)
    throw invalidIdToken(
      'The server publishes no key that fits the ID token. Do not trust the token. Log in again, or report it to the server operator.',
    );
  // A key that is chosen by trial says nothing about the one that the server meant (OpenID Connect Core section 10.1).
  if (keys.length > 1)
    throw invalidIdToken(
      'The server publishes several keys that fit the ID token, and the ID token does not tell which one signed it (kid). Report it to the server operator.',
    );
  const { verifyParameters } = signatureAlgorithmOf(parsed.header);
  const imported = await importPublishedKey(key, parsed.header);
  return crypto.subtle.verify(verifyParameters, imported, parsed.signature, new TextEncoder().encode(parsed.signed));
}

/** Without the members that are not needed: they could make the key unusable, for example `key_ops` or a private `d`. */
async function importPublishedKey(
  { kty, n, e, crv, x, y }: PublishedKey,
  header: ParsedIdToken['header'],
): Promise<webcrypto.CryptoKey> {
  const { importParameters } = signatureAlgorithmOf(header);
  const members = kty === 'RSA' ? { kty, n, e } : kty === 'EC' ? { kty, crv, x, y } : { kty, crv, x };
  const key = await crypto.subtle
    .importKey('jwk', members as webcrypto.JsonWebKey, importParameters, false, ['verify'])
    // The error of the platform quotes the key.
    .catch(() => undefined);
  if (
    key !== undefined &&
    !('modulusLength' in key.algorithm && Number(key.algorithm.modulusLength) < MIN_MODULUS_BITS)
  )
    return key;
  throw new OAuthError(
    'invalid_response',
    `The key of the ID token, in the jwks_uri of the server, can't be used: it is incomplete, or has less than ${MIN_MODULUS_BITS} bits. Report it to the server operator.`,
  );
}
