import { isOAuthError, isStorageError, OAuthError, type LockOptions, type OAuthEvent, type Store } from '@oa/types';

/**
 * A store that goes on in memory where the one beneath can't be used (no home directory, read-only, full, permissions that
 * are too wide), and always has a lock. Trouble is an event: `store_unavailable`, once for each kind, and `persist_failed` for every
 * value that could not be written, which is then kept in memory and written at the next use. Only `reserve` and `delete` still
 * reject: a refresh token whose successor can't be kept must not be used up, and what can't be deleted is not deleted.
 */
export function tolerantStore<V>(store: Store<V>, onEvent: (event: OAuthEvent) => void): Required<Store<V>> {
  const unwritten = new Map<string, V>();
  const queues = new Map<string, Promise<OAuthError | undefined>>();
  const told = new Set<string>();

  function tell({ code, message }: OAuthError): void {
    if (told.has(code)) return;
    told.add(code);
    onEvent({ type: 'store_unavailable', code, message });
  }

  async function set(key: string, value: V): Promise<void> {
    try {
      await store.set(key, value);
      unwritten.delete(key);
    } catch (error) {
      if (!isStorageError(error)) throw error;
      if (unwritten.get(key) !== value) onEvent({ type: 'persist_failed', code: error.code, message: error.message });
      unwritten.set(key, value);
    }
  }

  async function get(key: string): Promise<V | undefined> {
    const value = unwritten.get(key);
    if (value !== undefined) {
      await set(key, value);
      return value;
    }
    try {
      return await store.get(key);
    } catch (error) {
      if (!isStorageError(error)) throw error;
      tell(error);
      return undefined;
    }
  }

  /** One at a time in this process; who waited for work that failed shares the failure, as with the lock of a file. */
  async function queued<T>(
    key: string,
    work: () => Promise<T>,
    { timeout, signal, whileWaiting }: LockOptions<T>,
  ): Promise<T> {
    const ahead = queues.get(key);
    if (ahead !== undefined && timeout === 0)
      throw new OAuthError('lock_timeout', 'Another call of this process is at it.');
    const run = (async () => {
      const failure = await ahead;
      if (failure !== undefined) throw failure;
      signal?.throwIfAborted();
      return (ahead === undefined ? undefined : await whileWaiting?.()) ?? work();
    })();
    const settled = run.then(
      () => undefined,
      (error: unknown) => (isOAuthError(error) ? error : undefined),
    );
    queues.set(key, settled);
    try {
      return await run;
    } finally {
      if (queues.get(key) === settled) queues.delete(key);
    }
  }

  async function lock<T>(key: string, work: () => Promise<T>, options: LockOptions<T> = {}): Promise<T> {
    if (store.lock === undefined) return queued(key, work, options);
    let started = false;
    const once = (): Promise<T> => {
      started = true;
      return work();
    };
    try {
      return await store.lock(key, once, options);
    } catch (error) {
      if (started || !isStorageError(error)) throw error;
      tell(error);
      return queued(key, work, options);
    }
  }

  return {
    get,
    set,
    lock,
    delete: async (key) => {
      unwritten.delete(key);
      await store.delete(key);
    },
    reserve: async (key) => {
      // What lives in memory alone has nothing to lose on the disk.
      if (store.reserve === undefined || unwritten.has(key)) return { interrupted: false };
      return store.reserve(key);
    },
  };
}
