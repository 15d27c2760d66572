import { setTimeout as sleep } from 'node:timers/promises';
import { OAuthError, type LockOptions } from '@oa/types';
import { sweep } from './remove.ts';
import { sqliteLock, type FileLock } from './sqlite.ts';
import { prepare } from './write.ts';

/** How to wait for a file's lock, and which kind of lock it is. */
export interface FileLockOptions<T> extends LockOptions<T> {
  /** Makes the lock for a lock file. `node:sqlite` unless said otherwise. */
  lock?: (path: string) => FileLock;
}

/** Milliseconds between two looks at a lock, at random so that waiters do not march in step. */
const SHORTEST_PAUSE = 5;
const LONGEST_PAUSE = 50;
/** Files swept by this process: once is enough, since only a killed writer leaves anything. */
const swept = new Set<string>();
/** The end of each lock that this process holds or waits for. One process has one connection to a lock file. */
const running = new Map<string, Promise<void>>();

/** Behind `withLock`. */
export async function runLocked<T>(path: string, work: () => Promise<T>, options: FileLockOptions<T>): Promise<T> {
  const target = prepare(path);
  const file = `${target}.lock`;
  const deadline = performance.now() + (options.timeout ?? Infinity);
  options.signal?.throwIfAborted();

  for (let other = running.get(file); other !== undefined; other = running.get(file)) {
    const early = await pause(path, deadline, options, other);
    if (early !== undefined) return early.value;
  }
  const done = Promise.withResolvers<void>();
  running.set(file, done.promise);
  const lock = (options.lock ?? sqliteLock)(file);
  try {
    while (!(await lock.acquire())) {
      const early = await pause(path, deadline, options);
      if (early !== undefined) return early.value;
    }
    await sweepOnce(target);
    return await work();
  } finally {
    try {
      await lock.release();
    } finally {
      running.delete(file);
      done.resolve();
    }
  }
}

/** One step of waiting: asks whether that is still wanted, then sleeps, at most until `other` is done. */
async function pause<T>(
  path: string,
  deadline: number,
  { signal, whileWaiting }: LockOptions<T>,
  other?: Promise<void>,
): Promise<{ value: T } | undefined> {
  const value = await whileWaiting?.();
  if (value !== undefined) return { value };
  if (performance.now() >= deadline)
    throw new OAuthError('lock_timeout', `Another process or call is still using ${path}. Try again later.`, {
      retryable: true,
    });
  const length = SHORTEST_PAUSE + Math.random() * (LONGEST_PAUSE - SHORTEST_PAUSE);
  const timer = sleep(length, undefined, signal === undefined ? {} : { signal });
  try {
    await (other === undefined ? timer : Promise.race([timer, other]));
  } catch (error) {
    signal?.throwIfAborted(); // With the caller's own reason, not the timer's AbortError.
    throw error;
  }
  return undefined;
}

async function sweepOnce(target: string): Promise<void> {
  if (swept.has(target)) return;
  if (swept.size >= 10_000) swept.clear();
  swept.add(target);
  await sweep(target);
}
