import { abortable, MAX_TIMER_MS, startTimeout } from '@oa/mechanisms';
import { OAuthError, type AssertionSource } from '@oa/types';
import { UNSET_QUESTION } from '@oa/types/rfc';
import { parseAssertionExpiry } from './assertion-expiry.ts';

const MAX_SENT_CHARACTERS = 65_536;

/** A parameter that holds an assertion, and where the assertion comes from. */
export interface AssertionParameter {
  name: string;
  source: string | AssertionSource;
}

/** What the calls of a source have in common. */
export interface AssertionContext {
  /** Whom the assertions must name as their audience. */
  audience: string;
  signal: AbortSignal | undefined;
  /** Milliseconds that the whole call has left, `undefined` where the caller set no limit. */
  remainingMs: () => number | undefined;
  /** The clock, in milliseconds since the epoch. */
  now: () => number;
}

/**
 * Refuses a parameter that is neither an assertion nor a source of one.
 *
 * @throws {TypeError} that names the parameter
 */
export function assertAssertion(name: string, value: unknown): asserts value is string | AssertionSource {
  if (typeof value === 'function' || (typeof value === 'string' && value !== '')) return;
  const question = value === undefined || value === '' ? ` ${UNSET_QUESTION}` : '';
  throw new TypeError(
    `The parameter ${name} must be a non-empty string, or a function that resolves with one.${question}`,
  );
}

/**
 * Obtains an assertion that has not expired. A source that returns an expired one is asked once more.
 *
 * @throws {OAuthError} `assertion_unavailable`, `timeout`
 * @throws the error of the source, or the reason of the signal
 */
export async function obtainAssertion(parameter: AssertionParameter, context: AssertionContext): Promise<string> {
  const assertion = await askForAssertion(parameter, context, undefined);
  if (!isOver(assertion, context)) return assertion;
  const other = await obtainOtherAssertion(parameter, context, assertion);
  if (other !== undefined) return other;
  throw new OAuthError(
    'assertion_unavailable',
    `The ${parameter.name} has expired at ${toTimeText(parseAssertionExpiry(assertion))}, and it is ${toTimeText(context.now() / 1000)} here. It was not sent. Get a new one, and check the clock of this machine.`,
  );
}

/**
 * Obtains another assertion than `rejected`.
 *
 * @returns `undefined` where there is none: the caller passed a text, or the source returned the same or an expired one
 * @throws the error of the source, or the reason of the signal
 */
export async function obtainOtherAssertion(
  parameter: AssertionParameter,
  context: AssertionContext,
  rejected: string,
): Promise<string | undefined> {
  if (typeof parameter.source === 'string') return undefined;
  const other = await askForAssertion(parameter, context, rejected);
  return other === rejected || isOver(other, context) ? undefined : other;
}

async function askForAssertion(
  { name, source }: AssertionParameter,
  context: AssertionContext,
  rejected: string | undefined,
): Promise<string> {
  if (typeof source === 'string') return toSendable(source, `The parameter ${name} has`);
  const { audience } = context;
  const assertion = await askInTime(name, context, (signal) => source({ audience, signal, rejected }));
  return toSendable(assertion, `The function ${name} resolved with`);
}

/** A longer text is no assertion, and servers read none. */
function toSendable(assertion: unknown, origin: string): string {
  if (typeof assertion === 'string' && assertion !== '' && assertion.length <= MAX_SENT_CHARACTERS) return assertion;
  throw new OAuthError(
    'assertion_unavailable',
    `${origin} no assertion, where a string of 1 to ${MAX_SENT_CHARACTERS} characters is expected. Nothing was sent.`,
  );
}

/** A source has limits of its own, except where the caller limits the whole call. An abort ends the wait even if the source ignores it. */
async function askInTime(
  name: string,
  { signal, remainingMs }: AssertionContext,
  ask: (signal: AbortSignal | undefined) => Promise<unknown>,
): Promise<unknown> {
  signal?.throwIfAborted();
  const left = remainingMs();
  // The request refuses a limit that is none.
  if (left === undefined || !(left > 0 && left <= MAX_TIMER_MS)) return abortable(ask(signal), signal);
  const controller = new AbortController();
  const cancel = startTimeout(() => controller.abort(sourceTimeout(name)), left);
  const either = signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]);
  try {
    return await abortable(ask(either), either);
  } finally {
    cancel();
  }
}

function sourceTimeout(name: string): OAuthError {
  const message = `The function ${name} did not resolve within the timeout. Nothing was sent. Try again later, or raise the timeout.`;
  return new OAuthError('timeout', message, { retryable: true, sent: false });
}

function isOver(assertion: string, { now }: AssertionContext): boolean {
  const exp = parseAssertionExpiry(assertion);
  return exp !== undefined && exp * 1000 <= now();
}

/** `Date` throws for a number that is no time. */
function toTimeText(seconds = 0): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().replace(/\.\d+/, '');
}
