import { createHash, randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose';

/** A request with a token, as a resource server sees it. */
interface ProvenRequest {
  scheme: string;
  accessToken: string;
  /** The thumbprint of the key that the token is bound to. */
  jkt: string | undefined;
  proof: string | string[] | undefined;
  method: string;
  /** The path and the query, as sent. */
  target: string;
}

/** Checks the DPoP proofs of one API. */
export interface ProofCheck {
  /** What is wrong with the request, as an error code of RFC 9449 section 7.1. */
  faultOf(request: ProvenRequest): Promise<string | undefined>;
  /** The headers of the next answer. */
  headers(): Record<string, string>;
}

/** Creates the check for an API at `origin`: each proof once, of the last minute, and with `nonces` only with the newest nonce. */
export function createProofCheck(origin: string, nonces: boolean): ProofCheck {
  const seen = new Set<unknown>();
  let nonce = randomUUID();

  async function isValid({ accessToken, jkt, proof, method, target }: ProvenRequest): Promise<boolean> {
    const { payload, protectedHeader } = await jwtVerify(String(proof), EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: ['ES256'],
      maxTokenAge: 60,
      requiredClaims: ['jti', 'htm', 'htu', 'iat', 'ath'],
    });
    const { jwk } = protectedHeader;
    const isNew = !seen.has(payload.jti);
    seen.add(payload.jti);
    const url = new URL(target, origin);
    return (
      isNew &&
      jwk !== undefined &&
      !('d' in jwk) &&
      (await calculateJwkThumbprint(jwk)) === jkt &&
      payload['htm'] === method &&
      payload['htu'] === `${url.origin}${url.pathname}` &&
      payload['ath'] === createHash('sha256').update(accessToken).digest('base64url') &&
      (!nonces || payload['nonce'] !== undefined)
    );
  }

  return {
    async faultOf(request) {
      const { scheme, jkt, proof } = request;
      if (jkt === undefined) return /^bearer$/i.test(scheme) ? undefined : 'invalid_token';
      if (!/^dpop$/i.test(scheme) || proof === undefined) return 'invalid_token';
      if (nonces && nonceOf(String(proof)) !== nonce) return 'use_dpop_nonce';
      return (await isValid(request).catch(() => false)) ? undefined : 'invalid_dpop_proof';
    },
    headers() {
      if (!nonces) return {};
      nonce = randomUUID();
      return { 'dpop-nonce': nonce };
    },
  };
}

function nonceOf(proof: string): unknown {
  return (JSON.parse(Buffer.from(proof.split('.')[1] ?? '', 'base64url').toString() || '{}') as { nonce?: unknown })
    .nonce;
}
