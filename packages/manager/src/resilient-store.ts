import {
  attempt,
  isOAuthError,
  isStorageError,
  OAuthError,
  type LockOptions,
  type OAuthEvent,
  type Result,
  type Store,
} from '@oa/types';

/** A value that could not be written, and what the store held instead. */
interface Unwritten<V> {
  value: V;
  instead: Result<V | undefined>;
}

/** Whether somebody has stored another value than was there `before`. What can't be read is not taken for one. */
function isNewer<V>(now: Result<V>, before: Result<V>): now is { ok: true; value: V } {
  return (
    now.ok && (!before.ok || JSON.stringify(now.value) !== JSON.stringify(before.value)) && now.value !== undefined
  );
}

/**
 * A store that goes on in memory where the one beneath can't be used (no home directory, read-only, full, permissions that
 * are too wide), and always has a lock. Trouble is an event: `store_unavailable`, once for each kind, and `persist_failed` for every
 * value that could not be written, which is then kept in memory and written at the next use. Only `reserve` and `delete` still
 * reject: a refresh token whose successor can't be kept must not be used up, and what can't be deleted is not deleted.
 */
export function createResilientStore<V>(store: Store<V>, onEvent: (event: OAuthEvent) => void): Required<Store<V>> {
  const unwritten = new Map<string, Unwritten<V>>();
  const queues = new Map<string, Promise<OAuthError | undefined>>();
  const told = new Set<string>();
  /** Keys whose work goes on without the store's lock, and why. */
  const unlocked = new Map<string, OAuthError>();

  function tell({ code, message }: OAuthError): void {
    if (told.has(code)) return;
    told.add(code);
    onEvent({ type: 'store_unavailable', code, message });
  }

  async function read(key: string): Promise<Result<V | undefined>> {
    const found = await attempt((async () => store.get(key))());
    if (!found.ok && !isStorageError(found.error)) throw found.error;
    return found;
  }

  async function set(key: string, value: V): Promise<void> {
    const written = await attempt((async () => store.set(key, value))());
    if (written.ok) {
      unwritten.delete(key);
      return;
    }
    if (!isStorageError(written.error)) throw written.error;
    const { code, message } = written.error;
    if (unwritten.get(key)?.value === value) return;
    onEvent({ type: 'persist_failed', code, message });
    unwritten.set(key, { value, instead: await read(key) });
  }

  async function get(key: string): Promise<V | undefined> {
    const stored = await read(key);
    const kept = unwritten.get(key);
    if (kept === undefined) {
      if (!stored.ok) tell(stored.error);
      return stored.ok ? stored.value : undefined;
    }
    if (isNewer(stored, kept.instead)) {
      unwritten.delete(key);
      return stored.value;
    }
    await attempt(lock(key, () => writeLater(key, kept), { timeout: 0 }));
    return kept.value;
  }

  /** With the lock held, so that nothing that another process stores in between is overwritten. */
  async function writeLater(key: string, kept: Unwritten<V>): Promise<void> {
    if (!isNewer(await read(key), kept.instead)) await set(key, kept.value);
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
      return queued(key, () => withoutLock(key, work, error), options);
    }
  }

  async function withoutLock<T>(key: string, work: () => Promise<T>, why: OAuthError): Promise<T> {
    unlocked.set(key, why);
    try {
      return await work();
    } finally {
      unlocked.delete(key);
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
      // Without the lock another process may be using it up at the same moment.
      const why = unlocked.get(key);
      if (why !== undefined) throw why;
      return store.reserve(key);
    },
  };
}
