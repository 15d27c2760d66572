import { parseJwtClaims } from '@oa/mechanisms';
import { OAuthError, type OAuthErrorDetails } from '@oa/types';

/** A token of a platform has a few kilobytes. Servers read no larger ones. */
export const MAX_ASSERTION_BYTES = 65_536;
/** The clock of the platform and that of this machine may differ by this much. */
const MAX_PLATFORM_CLOCK_ERROR_SECONDS = 60;

/** Where an assertion comes from, for the errors. */
export interface AssertionOrigin {
  /** Begins a sentence, such as `The file /run/token`. */
  name: string;
  /** What to do where the platform gives no usable assertion: one or more sentences. */
  cure: string;
  /** Whether a later call can get another assertion. */
  renews: boolean;
}

/** Makes the error of a source that has no assertion. No part of `message` may be secret. */
export function noAssertion(
  message: string,
  details: Pick<OAuthErrorDetails, 'retryable' | 'retryAfter' | 'status'> = {},
): OAuthError {
  return new OAuthError('assertion_unavailable', message, details);
}

/**
 * Checks what a platform gave before it is sent to a server: its size, its characters, and its times if it is a JWT. The signature is not
 * verified, since the server does that.
 *
 * @param now the clock, in milliseconds since the epoch
 * @returns the assertion without white space around it
 * @throws {OAuthError} `assertion_unavailable`
 */
export function readyAssertion(text: string, { name, cure, renews }: AssertionOrigin, now: () => number): string {
  const assertion = text.trim();
  if (assertion === '') throw noAssertion(`${name} is empty. ${cure}`, { retryable: renews });
  if (assertion.length > MAX_ASSERTION_BYTES) throw assertionTooLarge({ name, cure });
  if (!/^[\x21-\x7e]+$/.test(assertion))
    throw noAssertion(`${name} is no token: it has white space or characters that are not ASCII. ${cure}`);
  const seconds = now() / 1000;
  const { exp, nbf } = readTimes(assertion);
  assertNotExpired(exp, { name, cure, renews }, now);
  if (nbf !== undefined && nbf > seconds + MAX_PLATFORM_CLOCK_ERROR_SECONDS)
    throw noAssertion(
      `${name} is not valid before ${toUtcText(nbf)}. ${machineClockText(seconds)} Check the clock of this machine.`,
      { retryable: true },
    );
  return assertion;
}

/** Makes the error for more than 64 KiB. */
export function assertionTooLarge({ name, cure }: Pick<AssertionOrigin, 'name' | 'cure'>): OAuthError {
  return noAssertion(`${name} is larger than ${MAX_ASSERTION_BYTES / 1024} KiB, so it is no token. ${cure}`);
}

/**
 * Refuses an expired assertion.
 *
 * @param exp seconds since the epoch, from the assertion or beside it
 */
export function assertNotExpired(exp: unknown, { name, cure, renews }: AssertionOrigin, now: () => number): void {
  const seconds = now() / 1000;
  if (typeof exp === 'number' && exp <= seconds)
    throw noAssertion(`${name} has expired at ${toUtcText(exp)}. ${machineClockText(seconds)} ${cure}`, {
      retryable: renews,
    });
}

/** The times of a JWT, in seconds since the epoch. Other assertions, such as SAML, have none that this package reads. */
function readTimes(assertion: string): { exp?: number | undefined; nbf?: number | undefined } {
  const claims = parseJwtClaims(assertion) ?? {};
  return { exp: toSeconds(claims['exp']), nbf: toSeconds(claims['nbf']) };
}

function toSeconds(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function machineClockText(seconds: number): string {
  return `The clock of this machine says ${toUtcText(seconds)}.`;
}

/** A time that no date can show is far away, or wrong. */
function toUtcText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds} seconds since 1970` : date.toISOString().replace(/\.\d+/, '');
}
