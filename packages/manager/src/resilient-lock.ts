import { isShareableError, isStorageError, OAuthError, type LockOptions, type Store } from '@oa/types';

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

  return async (key, work, { timeout, signal, whileWaiting }) => {
    const ahead = ends.get(key);
    if (ahead !== undefined && timeout === 0)
      throw new OAuthError('lock_timeout', 'Another call of this process holds the lock. Try again later.', {
        retryable: true,
      });
    const run = (async () => {
      const failure = await ahead;
      if (failure !== undefined) throw failure;
      signal?.throwIfAborted();
      return (ahead === undefined ? undefined : await whileWaiting?.()) ?? work();
    })();
    const end = run.then(
      () => undefined,
      (error: unknown) => (isShareableError(error) ? error : undefined),
    );
    ends.set(key, end);
    try {
      return await run;
    } finally {
      if (ends.get(key) === end) ends.delete(key);
    }
  };
}
