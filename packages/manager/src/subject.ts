import { abortable, sha256Hex, startTimeout } from '@oa/mechanisms';
import { OAuthError, type AssertionSource } from '@oa/types';
import type { Credentials } from './credentials.ts';

/** The assertion of a session, and whom it is about. */
export interface Asserted {
  subject: string;
  assertion: string | AssertionSource;
}

interface SourceLimits {
  signal: AbortSignal | undefined;
  timeout: number | undefined;
}

/**
 * Finds whom an assertion is about: the label of the caller, else the digest of the assertion. A function is called for the digest, and its
 * assertion is used for the first request.
 *
 * @param audience the issuer
 * @param limits `timeout`: milliseconds that a function has, if the caller limits the calls of the manager
 * @throws {OAuthError} `timeout`
 * @throws the error of the function, or the reason of the signal
 */
export async function findSubject(
  given: string | AssertionSource,
  { subject }: Credentials,
  audience: string,
  limits: SourceLimits,
): Promise<Asserted> {
  if (subject !== undefined) return { subject, assertion: given };
  if (typeof given === 'string') return { subject: toDigest(given), assertion: given };
  const first = await askWithin(given, audience, limits);
  let unused: string | undefined = first;
  const assertion: AssertionSource = async (request) => {
    const next = request.rejected === undefined ? unused : undefined;
    unused = undefined;
    return next ?? given(request);
  };
  return { subject: toDigest(first), assertion };
}

/** The signal of the function aborts when the time is over. An abort ends the wait even if the function ignores it. */
async function askWithin(given: AssertionSource, audience: string, { signal, timeout }: SourceLimits): Promise<string> {
  if (timeout === undefined) return given({ audience, signal });
  const controller = new AbortController();
  const either = signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]);
  const cancel = startTimeout(() => controller.abort(assertionIsSlow()), timeout);
  try {
    return await abortable(Promise.resolve(given({ audience, signal: either })), either);
  } finally {
    cancel();
  }
}

function assertionIsSlow(): OAuthError {
  const message =
    'The function for the assertion did not resolve within the timeout. Nothing was sent. Try again later, or raise the timeout.';
  return new OAuthError('timeout', message, { retryable: true, sent: false });
}

function toDigest(assertion: string): string {
  return `sha-256:${sha256Hex(assertion)}`;
}
