import { randomText, toBase64Url } from '@oa/mechanisms';

/** The secret of one login and what of it may be seen (RFC 7636 section 4). */
export interface Pkce {
  /** Kept until the code is exchanged, never sent before. */
  code_verifier: string;
  code_challenge: string;
  code_challenge_method: 'S256';
}

/**
 * Makes the PKCE values of one login: 256 random bits and their S256 challenge. Use them once.
 *
 * Needs Web Crypto, so in a browser a secure context.
 *
 * @see RFC 7636 sections 4.1 and 4.2. `plain` is not offered (RFC 9700 section 2.1.1).
 */
export async function createPkce(): Promise<Pkce> {
  const code_verifier = randomText();
  return { code_verifier, code_challenge: await computeChallenge(code_verifier), code_challenge_method: 'S256' };
}

/** RFC 7636 section 4.2. */
export async function computeChallenge(verifier: string): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))));
}
