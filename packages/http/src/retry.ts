import type { OAuthError } from '@oa/types';
import { wasNeverSent } from './failure.ts';

/** Statuses that say "later", not "no". */
const LATER: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const MOST_ATTEMPTS = 3;
const FIRST_DELAY = 500;
/** Milliseconds. Who is told to wait longer is told so by `retryAfter`, whatever his timeout. */
const LONGEST_DELAY = 60_000;
const YEAR = 31_536_000;

/** What came of an attempt: a status, or the error that came instead of one. */
export interface Outcome {
  status?: number;
  error?: OAuthError;
  /** Seconds. */
  retryAfter?: number | undefined;
}

/**
 * Milliseconds to wait before the next attempt, or `undefined` where there is none: the outcome is final, the request may not be
 * repeated, or the wait is longer than the caller's patience.
 */
export function retryDelay(
  outcome: Outcome,
  attempt: number,
  limits: { idempotent: boolean; left: number },
): number | undefined {
  if (attempt >= MOST_ATTEMPTS) return undefined;
  const { error, status } = outcome;
  const unsent = error !== undefined && wasNeverSent(error);
  const failed = error?.code === 'network_error' && error.retryable;
  const later = status !== undefined && LATER.has(status);
  if (!unsent && !(limits.idempotent && (failed || later))) return undefined;
  const delay = Math.max(backoff(attempt), (outcome.retryAfter ?? 0) * 1000);
  return delay < limits.left && delay <= LONGEST_DELAY ? delay : undefined;
}

/** Exponential, with jitter, so that many processes that failed together do not come back together. */
function backoff(attempt: number): number {
  return FIRST_DELAY * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
}

/** Seconds in a `Retry-After` header (RFC 9110 section 10.2.3): a number of seconds or a date. A year at most. */
export function retryAfterOf(headers: Headers, now: () => number = Date.now): number | undefined {
  const value = headers.get('retry-after')?.trim();
  if (value === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Math.min(Math.ceil(Number(value)), YEAR);
  const date = /^[A-Z][a-z]{2,8},? /.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(date)) return undefined;
  return Math.min(Math.max(Math.ceil((date - now()) / 1000), 0), YEAR);
}
