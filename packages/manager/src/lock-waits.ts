import { parseTokenKey } from '@oa/token-cache';
import { openTracing, toTraceIssuer, trace, type LockOptions, type TraceContexts, type Tracing } from '@oa/types';
import type { ResilientStore } from './resilient-store.ts';

const locks: Tracing<TraceContexts['oa:lock']> = openTracing('oa:lock');

/** The same store. Its waits for a lock are published on the channel `oa:lock`. */
export function traceLockWaits<V>(store: ResilientStore<V>): ResilientStore<V> {
  const lock = <T>(key: string, work: () => Promise<T>, options?: LockOptions<T>): Promise<T> => {
    // Without a timeout there is no wait.
    if (!locks.hasSubscribers || options?.timeout === 0) return store.lock(key, work, options);
    return lockTraced(store, key, work, options);
  };
  return { ...store, lock };
}

async function lockTraced<V, T>(
  store: ResilientStore<V>,
  key: string,
  work: () => Promise<T>,
  options: LockOptions<T> | undefined,
): Promise<T> {
  const issuer = parseTokenKey(key)?.issuer;
  const context: TraceContexts['oa:lock'] = { issuer: issuer && toTraceIssuer(issuer) };
  const wait = Promise.withResolvers<void>();
  const end = (outcome: 'obtained' | 'adopted'): void => {
    context.outcome ??= outcome;
    wait.resolve();
  };
  // Its error is that of the lock.
  trace(locks, context, () => wait.promise).catch(() => undefined);
  const start = (): Promise<T> => {
    end('obtained');
    return work();
  };
  try {
    const value = await store.lock(key, start, options);
    end('adopted');
    return value;
  } catch (error) {
    wait.reject(error);
    throw error;
  }
}
