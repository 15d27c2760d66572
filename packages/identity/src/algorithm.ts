import { isObject } from '@oa/mechanisms';
import { invalidIdToken } from './id-token.ts';

/** How Web Crypto verifies a signature, and which keys fit. */
export interface SignatureAlgorithm {
  kty: string;
  crv?: string;
  importParameters: { name: string; hash?: string; namedCurve?: string };
  verifyParameters: { name: string; hash?: string; saltLength?: number };
}

const ED25519: SignatureAlgorithm = {
  kty: 'OKP',
  crv: 'Ed25519',
  importParameters: { name: 'Ed25519' },
  verifyParameters: { name: 'Ed25519' },
};
/** RFC 7518 section 3.1 and RFC 8037 section 3.1. RFC 9864 section 2.2 renames `EdDSA` with this curve to `Ed25519`. */
const SIGNATURE_ALGORITHMS = new Map<unknown, SignatureAlgorithm>([
  [
    'RS256',
    {
      kty: 'RSA',
      importParameters: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
      verifyParameters: { name: 'RSASSA-PKCS1-v1_5' },
    },
  ],
  [
    'PS256',
    {
      kty: 'RSA',
      importParameters: { name: 'RSA-PSS', hash: 'SHA-256' },
      verifyParameters: { name: 'RSA-PSS', saltLength: 32 },
    },
  ],
  [
    'ES256',
    {
      kty: 'EC',
      crv: 'P-256',
      importParameters: { name: 'ECDSA', namedCurve: 'P-256' },
      verifyParameters: { name: 'ECDSA', hash: 'SHA-256' },
    },
  ],
  ['EdDSA', ED25519],
  ['Ed25519', ED25519],
]);

/** The signatures with a public key, by the size of their hash. */
const PUBLIC_KEY_ALGORITHM = /^(?:[RPE]S(256|384|512)|EdDSA|Ed25519)$/;

/**
 * Refuses a header that this package does not understand, and the algorithms `none` and `HS…`: a client secret, which other programs of
 * the same client have, must not make an ID token.
 *
 * @returns the hash of the algorithm, for `at_hash`
 * @throws {OAuthError} `invalid_id_token`
 * @see https://www.rfc-editor.org/rfc/rfc8725#section-3.1
 */
export function assertHeader(header: Record<string, unknown>): string {
  if (header['crit'] !== undefined)
    throw invalidIdToken(
      'The ID token needs an extension that this program does not support (crit, RFC 7515 section 4.1.11). Report it to the server operator.',
    );
  const match = typeof header['alg'] === 'string' ? PUBLIC_KEY_ALGORITHM.exec(header['alg']) : null;
  if (match !== null) return `SHA-${match[1] ?? '512'}`;
  throw invalidIdToken(
    'The ID token is not signed with a public key: its algorithm is none, HS256 or an unknown one. Register the client with RS256 or ES256 as id_token_signed_response_alg.',
  );
}

/**
 * Finds the algorithm of a header.
 *
 * @throws {OAuthError} `invalid_id_token` if it is none of those that can be verified
 */
export function signatureAlgorithmOf(header: Record<string, unknown>): SignatureAlgorithm {
  const algorithm = SIGNATURE_ALGORITHMS.get(header['alg']);
  if (algorithm !== undefined) return algorithm;
  throw invalidIdToken(
    'The ID token is signed with an algorithm that this program can not verify. Register the client with RS256, PS256, ES256 or EdDSA as id_token_signed_response_alg.',
  );
}

/** Whether a published key can have made the signature of a token with `header` (RFC 7517 section 4). */
export function isKeyFor(header: Record<string, unknown>, key: unknown): boolean {
  if (!isObject(key)) return false;
  const { kty, crv } = signatureAlgorithmOf(header);
  const { kid } = header;
  return (
    key['kty'] === kty &&
    (crv === undefined || key['crv'] === crv) &&
    (kid === undefined || key['kid'] === kid) &&
    (key['use'] === undefined || key['use'] === 'sig') &&
    (key['alg'] === undefined || SIGNATURE_ALGORITHMS.get(key['alg']) === SIGNATURE_ALGORITHMS.get(header['alg'])) &&
    (!Array.isArray(key['key_ops']) || key['key_ops'].includes('verify'))
  );
}
