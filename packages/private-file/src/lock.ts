import { sleep } from '@oa/mechanisms';
import { OAuthError, type LockOptions } from '@oa/types';
import { quotePath } from './message.ts';
import { removeOrphansHourly } from './orphans.ts';
import { adoptPending } from './pending.ts';
import { createSqliteLock, type FileLock } from './sqlite.ts';
import { preparePath } from './write.ts';

/** How to wait for the lock of a file, and which kind of lock it is. */
export interface FileLockOptions<T> extends LockOptions<T> {
  /**
   * Makes the lock for a lock file.
   *
   * @default a lock of `node:sqlite`
   */
  lock?: ((path: string) => FileLock) | undefined;
  /**
   * Whether a text is a whole content of the file. With it, a whole text that an earlier holder has left in `<path>.pending` becomes the
   * content before `work` runs: that holder was killed, or refused by the file system, between its write and the rename.
   */
  isWhole?: ((text: string) => boolean | Promise<boolean>) | undefined;
}

/** Twice the time that a user has for a login in the browser. Without a limit, a stopped holder would stop all others too. */
const DEFAULT_LOCK_TIMEOUT_MS = 600_000;
/** Between two looks at a lock the wait is random, so that waiters do not look at the same moments. */
const MIN_POLL_MS = 5;
const MAX_FIRST_POLL_MS = 50;
/** The longer the wait already is, the less a later look costs in comparison. Many waiters would otherwise keep the processor busy. */
const POLL_RATIO = 1 / 8;
const MAX_POLL_MS = 250;
/** The end of each lock that this process holds or waits for. One process has one connection to a lock file. */
const running = new Map<string, Promise<void>>();

/** Implements `withLock`. */
export async function runLocked<T>(path: string, work: () => Promise<T>, options: FileLockOptions<T>): Promise<T> {
  const target = preparePath(path);
  const file = `${target}.lock`;
  const timeout = options.timeout ?? DEFAULT_LOCK_TIMEOUT_MS;
  const start = performance.now();
  const end = start + timeout;
  /** Milliseconds until the next look. */
  const nextPause = (): number => {
    const now = performance.now();
    if (now >= end) throw lockTimeoutError(file, timeout);
    return lockPauseMs(now - start);
  };
  options.signal?.throwIfAborted();

  for (let other = running.get(file); other !== undefined; other = running.get(file)) {
    const early = await waitOnce(nextPause, options, other);
    if (early !== undefined) return early.value;
  }
  const done = Promise.withResolvers<void>();
  running.set(file, done.promise);
  const lock = (options.lock ?? createSqliteLock)(file);
  try {
    while (!(await lock.acquire())) {
      const early = await waitOnce(nextPause, options);
      if (early !== undefined) return early.value;
    }
    await removeOrphansHourly(target);
    if (options.isWhole !== undefined) await adoptPending(target, options.isWhole);
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

/** Asks whether the lock is still wanted, then sleeps until the next look, at most until `other` is done. */
async function waitOnce<T>(
  nextPause: () => number,
  { signal, whileWaiting }: LockOptions<T>,
  other?: Promise<void>,
): Promise<{ value: T } | undefined> {
  const value = await whileWaiting?.();
  if (value !== undefined) return { value };
  const timer = sleep(nextPause(), signal);
  await (other === undefined ? timer : Promise.race([timer, other]));
  return undefined;
}

/**
 * The milliseconds between two looks at a lock, random: 5 to 50 at first, later up to an eighth of the time waited, at most 250.
 *
 * @param waited milliseconds
 */
export function lockPauseMs(waited: number): number {
  const longest = Math.min(Math.max(waited * POLL_RATIO, MAX_FIRST_POLL_MS), MAX_POLL_MS);
  const shortest = Math.min(Math.max((waited * POLL_RATIO) / 2, MIN_POLL_MS), longest / 2);
  return shortest + Math.random() * (longest - shortest);
}

function lockTimeoutError(file: string, timeout: number): OAuthError {
  const lock = quotePath(file);
  return new OAuthError(
    'lock_timeout',
    `${lock} is held by another process or call, and was not free within ${toDuration(timeout)}. ` +
      `Try again later. If its holder hangs, end that process: fuser ${lock} names it.`,
    { retryable: true },
  );
}

function toDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return seconds === 1 ? '1 second' : `${seconds} seconds`;
}
