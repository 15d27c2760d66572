import { randomText, sha256Base64Url } from '@oa/mechanisms';

/** The PKCE values of one login. */
export interface Pkce {
  /** The secret. Keep it until the code is exchanged, and send it only then. */
  code_verifier: string;
  /** The hash of the secret, for the authorization URL. */
  code_challenge: string;
  code_challenge_method: 'S256';
}

/**
 * Creates the PKCE values of one login: 256 random bits and their S256 challenge. Each pair is for one login.
 *
 * `plain` is not offered (RFC 9700 section 2.1.1).
 *
 * @throws {TypeError} if there is no Web Crypto: browsers offer it in secure contexts only
 * @see https://www.rfc-editor.org/rfc/rfc7636#section-4.1
 * @see https://www.rfc-editor.org/rfc/rfc7636#section-4.2
 */
export async function createPkce(): Promise<Pkce> {
  const code_verifier = randomText();
  return { code_verifier, code_challenge: await sha256Base64Url(code_verifier), code_challenge_method: 'S256' };
}
