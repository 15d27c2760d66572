import { sha256Hex } from '@oa/mechanisms';
import type { AssertionSource } from '@oa/types';
import type { Credentials } from './credentials.ts';

/** The assertion of a session, and whom it is about. */
export interface Asserted {
  subject: string;
  assertion: string | AssertionSource;
}

/**
 * Finds whom an assertion is about: the label of the caller, else the digest of the assertion. A function is called for the digest, and its
 * assertion is used for the first request.
 *
 * @param audience the issuer
 */
export async function findSubject(
  given: string | AssertionSource,
  { subject }: Credentials,
  audience: string,
  signal: AbortSignal | undefined,
): Promise<Asserted> {
  if (subject !== undefined) return { subject, assertion: given };
  if (typeof given === 'string') return { subject: toDigest(given), assertion: given };
  const first = await given({ audience, signal });
  let unused: string | undefined = first;
  const assertion: AssertionSource = async (request) => {
    const next = request.rejected === undefined ? unused : undefined;
    unused = undefined;
    return next ?? given(request);
  };
  return { subject: toDigest(first), assertion };
}

function toDigest(assertion: string): string {
  return `sha-256:${sha256Hex(assertion)}`;
}
