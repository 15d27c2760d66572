import { ok } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isStorageError, type LockOptions, type OAuthError } from '@oa/types';
import type { SharedStore } from './options.ts';

/** A value, or the error that came instead. */
export type CaseOutcome<T> = { value: T; error?: undefined } | { value?: undefined; error: unknown };

/** Waits for a promise, and turns its rejection into a value. */
export async function outcomeOf<T>(promise: T | Promise<T>): Promise<CaseOutcome<T>> {
  try {
    return { value: await promise };
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

/** Calls `lock` while another call or process holds the lock. */
export function startWaiter<T>(
  store: SharedStore,
  key: string,
  work: () => Promise<T>,
  options: LockOptions<T> = {},
): Waiter<T> {
  const waits = Promise.withResolvers<void>();
  const whileWaiting = (): T | undefined | Promise<T | undefined> => {
    waits.resolve();
    return options.whileWaiting?.();
  };
  const outcome = outcomeOf(store.lock(key, work, { ...options, whileWaiting }));
  return { waits: Promise.race([waits.promise, outcome]), outcome };
}

const MAX_RECOVERY_MS = 60_000;
const RECOVERY_PAUSE_MS = 100;

/** Calls until the engine is there again: a store may need a moment to connect. */
export async function onceAvailable<T>(call: () => T | Promise<T>): Promise<T> {
  for (const end = performance.now() + MAX_RECOVERY_MS; ; await sleep(RECOVERY_PAUSE_MS)) {
    const { value, error } = await outcomeOf(call());
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
