import { abortable, sha256Hex, startTimeout } from '@oa/mechanisms';
import { OAuthError, type AssertionSource } from '@oa/types';
import { DIGEST_START } from './assertion-grants.ts';
import type { Credentials } from './credentials.ts';

/** The assertion of a session, and whom it is about. */
export interface Asserted {
  subject: string;
  assertion: string | AssertionSource;
  /** Asks for another assertion, which can be about another subject. Absent where only the caller knows, or there is no other one. */
  other?: () => Promise<Asserted | undefined>;
}

interface SourceLimits {
  signal: AbortSignal | undefined;
  timeout: number | undefined;
}

/**
 * Finds whom an assertion is about: the label of the caller, else the digest of the assertion. A function is called for the digest, and its
 * assertion is used for the request.
 *
 * @param audience the issuer
 * @param limits `timeout`: milliseconds that a function has, if the caller limits the calls of the manager
 * @throws {OAuthError} `assertion_unavailable`, `timeout`
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
  const first = await ask(given, audience, limits);
  const other = async (): Promise<Asserted | undefined> => {
    const next = await ask(given, audience, limits, first);
    return next === first ? undefined : { subject: toDigest(next), assertion: next };
  };
  return { subject: toDigest(first), assertion: first, other };
}

/** An abort, or the end of the time, ends the wait even if the function ignores its signal. */
async function ask(
  source: AssertionSource,
  audience: string,
  { signal, timeout }: SourceLimits,
  rejected?: string,
): Promise<string> {
  const controller = new AbortController();
  const either = signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]);
  const cancel = timeout === undefined ? undefined : startTimeout(() => controller.abort(assertionIsSlow()), timeout);
  try {
    const assertion: unknown = await abortable(source({ audience, signal: either, rejected }), either);
    if (typeof assertion === 'string' && assertion !== '') return assertion;
  } finally {
    cancel?.();
  }
  throw new OAuthError(
    'assertion_unavailable',
    'The function for the assertion resolved with none, where a non-empty string is expected. Nothing was sent.',
  );
}

function assertionIsSlow(): OAuthError {
  const message =
    'The function for the assertion did not resolve within the timeout. Nothing was sent. Try again later, or raise the timeout.';
  return new OAuthError('timeout', message, { retryable: true, sent: false });
}

function toDigest(assertion: string): string {
  return `${DIGEST_START}${sha256Hex(assertion)}`;
}
