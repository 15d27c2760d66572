import { AssertionError, ok } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isStorageError, type LockOptions, type OAuthError } from '@oa/types';
import type { ContractStore } from './options.ts';

/** A value, or the error that came instead. */
export type CaseOutcome<T> = { value: T; error?: undefined } | { value?: undefined; error: unknown };

/** Makes a call, and turns its error into a value. A store may throw at once, too. */
export async function outcomeOf<T>(call: () => T | Promise<T>): Promise<CaseOutcome<T>> {
  try {
    return { value: await call() };
  } catch (error) {
    return { error };
  }
}

/** A call of `lock` that waits for another holder. */
export interface Waiter<T> {
  /** Resolves when the call waits, or has ended. */
  waits: Promise<unknown>;
  outcome: Promise<CaseOutcome<T>>;
}

const MAX_CALL_MS = 20_000;

/** For {@link inTime}. */
export const FREE_PROMISE = 'The lock must be free, and the call of lock must end';

/** Calls `lock` while another call or process holds the lock. */
export function startWaiter<T>(
  store: ContractStore,
  key: string,
  work: () => Promise<T>,
  options: LockOptions<T> = {},
): Waiter<T> {
  const waits = Promise.withResolvers<void>();
  const whileWaiting = (): T | undefined | Promise<T | undefined> => {
    waits.resolve();
    return options.whileWaiting?.();
  };
  const outcome = outcomeOf(() => store.lock(key, work, { ...options, whileWaiting }));
  const called = inTime(Promise.race([waits.promise, outcome]), 'A call of lock that waits must call whileWaiting');
  // A case that ends early does not wait for it.
  called.catch(() => undefined);
  return { waits: called, outcome };
}

/**
 * Fails where a promise does not settle: a store that hangs must not make the whole run hang.
 *
 * @param what what the store must do, for the message
 */
export async function inTime<T>(promise: Promise<T>, what: string, milliseconds: number = MAX_CALL_MS): Promise<T> {
  const timer = new AbortController();
  const late = sleep(milliseconds, undefined, { signal: timer.signal }).then(() => {
    throw new AssertionError({ message: `${what} within ${milliseconds / 1000} seconds.` });
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
    late.catch(() => undefined);
  }
}

const MAX_RECOVERY_MS = 30_000;
const RECOVERY_PAUSE_MS = 100;

/** Calls until the engine is there again: a store may need a moment to connect. */
export async function onceAvailable<T>(call: () => T | Promise<T>): Promise<T> {
  for (const end = performance.now() + MAX_RECOVERY_MS; ; await sleep(RECOVERY_PAUSE_MS)) {
    const { value, error } = await outcomeOf(call);
    if (error === undefined) return value as T;
    if (!isStorageError(error) || performance.now() > end) throw error;
  }
}

/** Fails unless `error` is one that a store may reject with. */
export function assertStorageError(error: unknown, what: string): asserts error is OAuthError {
  ok(
    isStorageError(error),
    `${what} must reject with an OAuthError for which isStorageError is true, not ${error === undefined ? 'resolve' : `with ${describeError(error)}`}.`,
  );
}

/** What the report says of an error. */
export function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : typeof error;
}
