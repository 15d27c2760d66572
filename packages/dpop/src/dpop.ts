import type { AuthenticationOption, ClientAuthentication } from '@oa/client-authentication';
import type { DpopKey } from '@oa/types';
import { createProofAuthentication } from './authentication.ts';
import { importDpopKey, thumbprintOf } from './key.ts';
import { recallOrigin, rememberAnswer, type ProofAnswer } from './memory.ts';
import { parseTarget, readClaims, signProof } from './proof.ts';

/** A request that a proof is for. */
export interface ProofRequest {
  /** The HTTP method. */
  method: string;
  /** Where the request goes. Query and fragment are no part of a proof. */
  url: string | URL;
  /** The access token in the request. A request for a token has none. */
  accessToken?: string | undefined;
}

/** Makes the proofs of one key. It shows no part of the key. */
export interface Dpop {
  /**
   * The thumbprint of the key, for the parameter `dpop_jkt` of an authorization request: the server then gives the token for the code to
   * this key only.
   *
   * @see https://www.rfc-editor.org/rfc/rfc9449#section-10
   */
  readonly jkt: string;
  /**
   * Creates a client authentication that adds a proof to each request to the authorization server, the first one included. It answers a
   * refusal of the proof (`use_dpop_nonce`, or `invalid_dpop_proof` where the clock was wrong) once, with a new proof.
   *
   * @param inner how the client authenticates besides: a built-in method, or a function such as the one of `private_key_jwt`. By default
   *   it is the built-in method that follows from the registration and the metadata.
   * @throws {TypeError} if `inner` is neither a built-in method nor a function
   * @see https://www.rfc-editor.org/rfc/rfc9449#section-5
   */
  authentication(inner?: AuthenticationOption): ClientAuthentication;
  /**
   * Makes the value of the header `DPoP` for one request: with the nonce that the origin has named last, and by its clock.
   *
   * @throws {TypeError} if `url` is no http(s) URL
   * @see https://www.rfc-editor.org/rfc/rfc9449#section-4.2
   */
  proof(request: ProofRequest): Promise<string>;
  /**
   * Remembers the nonce and the clock of the answer to a request that had `proof`. Call it for every answer: servers renew their nonces
   * with a 200 too. The clock of an answer with a `status` of 200 to 299 is ignored, since that server has accepted the time of the proof.
   *
   * @returns whether a new proof has another nonce or time. A server that refused this proof may then accept that one.
   * @throws {TypeError} if `proof` is no proof
   * @see https://www.rfc-editor.org/rfc/rfc9449#section-8.2
   */
  learnFrom(proof: string, answer: ProofAnswer): boolean;
}

/**
 * Creates what makes the proofs of a key. The nonces and the clocks of servers are kept in the memory of the process, for each origin, so
 * two of them share what they have learned.
 *
 * @param key the private key of {@link createDpopKey}. It is imported, and can't be read from the result.
 * @param options `now`: the clock, in milliseconds since the epoch, by default `Date.now`
 * @throws {TypeError} if `key` is no private P-256 key as a JWK, or if `now` is no function
 * @see https://www.rfc-editor.org/rfc/rfc9449#section-4
 * @example
 * ```ts
 * const dpop = await createDpop(token.dpop_key);
 * const proof = await dpop.proof({ method: 'GET', url, accessToken: token.access_token });
 * const response = await fetch(url, { headers: { authorization: `DPoP ${token.access_token}`, dpop: proof } });
 * dpop.learnFrom(proof, response);
 * ```
 */
export async function createDpop(key: DpopKey, options: { now?: (() => number) | undefined } = {}): Promise<Dpop> {
  const { now = Date.now } = options;
  if (typeof now !== 'function') throw new TypeError('options.now must be a function.');
  const imported = await importDpopKey(key);
  const jkt = await thumbprintOf(imported.jwk);

  async function proof({ method, url, accessToken }: ProofRequest): Promise<string> {
    const target = parseTarget(url);
    return signProof(imported, { method, target, accessToken }, recallOrigin(target.origin, now), now);
  }

  function learnFrom(given: string, answer: ProofAnswer): boolean {
    const claims = readClaims(given);
    return rememberAnswer(parseTarget(claims.htu).origin, claims, answer, now);
  }

  return { jkt, proof, learnFrom, authentication: (inner) => createProofAuthentication({ proof, learnFrom }, inner) };
}
