import { sleep } from '@oa/mechanisms';
import { isShareableError, isStorageError, OAuthError, type LockOptions, type Store } from '@oa/types';

/** A store of the program may be slow, so it is not read more often. */
const POLL_MS = 250;

/** A lock for each key that also works where the lock of the store can't be used: then it holds within this process only. */
export interface ResilientLock {
  lock: <T>(key: string, work: () => Promise<T>, options?: LockOptions<T>) => Promise<T>;
  /** Why the running work of `key` does not have the lock of the store. `undefined` where it has it. */
  reasonUnlocked: (key: string) => OAuthError | undefined;
}

/** @param onUnusable told why the lock of the store can't be used */
export function createResilientLock<V>(store: Store<V>, onUnusable: (error: OAuthError) => void): ResilientLock {
  const lockInProcess = createProcessLock();
  const unlocked = new Map<string, OAuthError>();

  async function lock<T>(key: string, work: () => Promise<T>, options: LockOptions<T> = {}): Promise<T> {
    if (store.lock === undefined) return lockInProcess(key, work, options);
    let started = false;
    const start = (): Promise<T> => {
      started = true;
      return work();
    };
    try {
      return await store.lock(key, start, options);
    } catch (error) {
      if (started || !isStorageError(error)) throw error;
      onUnusable(error);
      return lockInProcess(key, () => runUnlocked(key, work, error), options);
    }
  }

  async function runUnlocked<T>(key: string, work: () => Promise<T>, reason: OAuthError): Promise<T> {
    unlocked.set(key, reason);
    try {
      return await work();
    } finally {
      unlocked.delete(key);
    }
  }

  return { lock, reasonUnlocked: (key) => unlocked.get(key) };
}

/** Runs the work of one key one after the other. Waiters receive the error of the work that they waited for, as with the lock of a file. */
function createProcessLock(): <T>(key: string, work: () => Promise<T>, options: LockOptions<T>) => Promise<T> {
  /** The end of the last work of each key: its error, if those that wait receive it. */
  const ends = new Map<string, Promise<OAuthError | undefined>>();

  return async (key, work, options) => {
    const ahead = ends.get(key);
    if (ahead !== undefined && options.timeout === 0)
      throw new OAuthError('lock_timeout', 'Another call of this process holds the lock. Try again later.', {
        retryable: true,
      });
    const turn = takeTurn(ahead, work, options);
    ends.set(key, turn.end);
    const clear = (): void => {
      if (ends.get(key) === turn.end) ends.delete(key);
    };
    void turn.end.then(clear);
    try {
      return await turn.result;
    } finally {
      if (!turn.isWaiting()) clear();
    }
  };
}

/** The `end` comes when nothing of this key runs any more, also if this call has left before. */
function takeTurn<T>(
  ahead: Promise<OAuthError | undefined> | undefined,
  work: () => Promise<T>,
  options: LockOptions<T>,
): { result: Promise<T>; end: Promise<OAuthError | undefined>; isWaiting: () => boolean } {
  let failure: OAuthError | undefined;
  let isWaiting = ahead !== undefined;
  void ahead?.then(() => (isWaiting = false));
  async function run(): Promise<T> {
    const early = ahead && (await waitFor(ahead, options));
    if (early !== undefined) return early;
    try {
      return await work();
    } catch (error) {
      if (isShareableError(error)) failure = error;
      throw error;
    }
  }
  const result = run();
  const end = Promise.allSettled([ahead, result]).then(async () => failure ?? ahead);
  return { result, end, isWaiting: () => isWaiting };
}

/**
 * Looks while it waits, as the lock of a file does, and once more afterwards. An abort ends the wait.
 *
 * @throws the error of the work that it waits for
 */
async function waitFor<T>(
  ahead: Promise<OAuthError | undefined>,
  { signal, whileWaiting }: LockOptions<T>,
): Promise<T | undefined> {
  const isOver = ahead.then(() => true);
  for (;;) {
    const early = await whileWaiting?.();
    if (early !== undefined) return early;
    const pause = sleep(POLL_MS, signal).then(() => false);
    if (await Promise.race([isOver, pause])) break;
  }
  const failure = await ahead;
  if (failure !== undefined) throw failure;
  signal?.throwIfAborted();
  return whileWaiting?.();
}
