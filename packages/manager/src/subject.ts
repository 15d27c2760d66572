import { abortable, sha256Hex } from '@oa/mechanisms';
import { OAuthError, type AssertionSource } from '@oa/types';
import type { Credentials } from './credentials.ts';

/** The assertion of a session, and whom it is about. */
export interface Asserted {
  subject: string;
  assertion: string | AssertionSource;
  /** Asks for another assertion, which can be about another subject. Absent where only the caller knows, or there is no other one. */
  other?: () => Promise<Asserted | undefined>;
}

/**
 * Finds whom an assertion is about: the label of the caller, else the digest of the assertion. A function is called for the digest, and its
 * assertion is used for the request.
 *
 * @param audience the issuer
 * @throws {OAuthError} `assertion_unavailable`
 * @throws the error of the function, or the reason of the signal
 */
export async function findSubject(
  given: string | AssertionSource,
  { subject }: Credentials,
  audience: string,
  signal: AbortSignal | undefined,
): Promise<Asserted> {
  if (subject !== undefined) return { subject, assertion: given };
  if (typeof given === 'string') return { subject: toDigest(given), assertion: given };
  const ask = async (rejected?: string): Promise<string> => {
    const assertion: unknown = await abortable(given({ audience, signal, rejected }), signal);
    if (typeof assertion === 'string' && assertion !== '') return assertion;
    throw new OAuthError(
      'assertion_unavailable',
      'The function for the assertion resolved with none, where a non-empty string is expected. Nothing was sent.',
    );
  };
  const first = await ask();
  const other = async (): Promise<Asserted | undefined> => {
    const next = await ask(first);
    return next === first ? undefined : { subject: toDigest(next), assertion: next };
  };
  return { subject: toDigest(first), assertion: first, other };
}

function toDigest(assertion: string): string {
  return `sha-256:${sha256Hex(assertion)}`;
}
