import { signJwt } from '@oa/client-authentication';
import { parseJwtClaims, randomText, sha256Base64Url } from '@oa/mechanisms';
import type { ImportedKey } from './key.ts';
import type { DatedClaims, OriginMemory } from './memory.ts';

/** The methods that `fetch` sends in capitals. It sends all others as they are. */
const NORMALIZED_METHODS: ReadonlySet<string> = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT']);

/**
 * Parses the URL of a request that carries a proof.
 *
 * @throws {TypeError} if it is no http or https URL
 */
export function parseTarget(url: string | URL): URL {
  const text = String(url);
  const target = URL.canParse(text) ? new URL(text) : undefined;
  if (target?.protocol === 'https:' || target?.protocol === 'http:') return target;
  throw new TypeError('The url of a DPoP proof must be an absolute http(s) URL.');
}

/**
 * The HTTP target URI without query and fragment, as `fetch` sends it: scheme and host in lower case, no default port, no dot segments, at
 * least the path `/`. Percent-encodings stay: a server that normalises them does so on both sides, and any other compares what was sent.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9449#section-4.3
 */
function toHtu({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

/** Signs a proof for one request. */
export async function signProof(
  { privateKey, jwk }: ImportedKey,
  request: { method: string; target: URL; accessToken?: string | undefined },
  { nonce, ahead }: OriginMemory,
  now: () => number,
): Promise<string> {
  const { method, target, accessToken } = request;
  const upper = method.toUpperCase();
  const claims = {
    jti: randomText(),
    htm: NORMALIZED_METHODS.has(upper) ? upper : method,
    htu: toHtu(target),
    iat: Math.floor(now() / 1000 + ahead),
    ...(nonce !== undefined && { nonce }),
    ...(accessToken !== undefined && { ath: await sha256Base64Url(accessToken) }),
  };
  return signJwt({ typ: 'dpop+jwt', jwk }, claims, privateKey);
}

/**
 * Reads the claims of a proof that `signProof` made.
 *
 * @throws {TypeError} if it is no proof
 */
export function readClaims(proof: unknown): DatedClaims & { htu: string } {
  const { htu, iat, nonce } = (typeof proof === 'string' && parseJwtClaims(proof)) || {};
  if (typeof htu !== 'string' || typeof iat !== 'number')
    throw new TypeError('The proof must be one that dpop.proof() returned.');
  return { htu, iat, nonce: typeof nonce === 'string' ? nonce : undefined };
}
