import type { OAuthError } from '@oa/types';

/** Statuses that mean "later", not "no". */
const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const MAX_ATTEMPTS = 3;
/** The delay before the second attempt. It doubles with each further attempt. */
const RETRY_DELAY_MS = 500;
/** A longer `Retry-After` is not waited for. It is returned in `retryAfter`. */
const MAX_RETRY_DELAY_MS = 60_000;
/** A year. */
const MAX_RETRY_AFTER_SECONDS = 31_536_000;

/** How one attempt ended: with a status, or with an error instead. */
export interface AttemptOutcome {
  status?: number | undefined;
  error?: OAuthError | undefined;
  /** Seconds that the server asked to wait. */
  retryAfter?: number | undefined;
}

/** What allows another attempt. */
export interface RetryLimits {
  /** Whether the server may receive the request twice. */
  idempotent: boolean;
  /** Milliseconds until the timeout. */
  left: number;
}

/**
 * Decides whether a request is sent again.
 *
 * @param attempt the number of attempts so far
 * @returns milliseconds to wait before the next attempt, or `undefined` if there is none: the outcome is final, the request is not
 *   idempotent, or the wait is longer than the time that is left
 */
export function retryDelay(outcome: AttemptOutcome, attempt: number, limits: RetryLimits): number | undefined {
  if (attempt >= MAX_ATTEMPTS) return undefined;
  const { error, status } = outcome;
  const failed = error?.code === 'network_error' && error.retryable;
  const neverSent = failed && error.sent === false;
  const busy = status !== undefined && RETRYABLE_STATUSES.has(status);
  if (!neverSent && !(limits.idempotent && (failed || busy))) return undefined;
  const delay = Math.max(backoffDelay(attempt), (outcome.retryAfter ?? 0) * 1000);
  return delay < limits.left && delay <= MAX_RETRY_DELAY_MS ? delay : undefined;
}

/** Exponential, with jitter, so that processes that failed together do not try again together. */
function backoffDelay(attempt: number): number {
  return RETRY_DELAY_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
}

/**
 * Parses a `Retry-After` header, which is a number of seconds or a date. A date is compared with the `Date` of the same answer, so that a
 * wrong clock on either side does not matter.
 *
 * @param now the clock to compare with where the answer has no date, in milliseconds since the epoch
 * @returns seconds, at most a year
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
 */
export function parseRetryAfter(headers: Headers, now: () => number = Date.now): number | undefined {
  const value = headers.get('retry-after')?.trim();
  if (value === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Math.min(Math.ceil(Number(value)), MAX_RETRY_AFTER_SECONDS);
  const date = parseHttpDate(value);
  if (date === undefined) return undefined;
  const answered = parseHttpDate(headers.get('date')?.trim() ?? '') ?? now();
  return Math.min(Math.max(Math.ceil((date - answered) / 1000), 0), MAX_RETRY_AFTER_SECONDS);
}

function parseHttpDate(value: string): number | undefined {
  const date = /^[A-Z][a-z]{2,8},? /.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : date;
}
