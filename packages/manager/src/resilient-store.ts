import { setBounded } from '@oa/mechanisms';
import { attempt, isStorageError, type OAuthError, type OAuthEvent, type Result, type Store } from '@oa/types';
import { createResilientLock } from './resilient-lock.ts';

/** A store that goes on where it can, and tells why a value is not used. */
export interface ResilientStore<V> extends Required<Omit<Store<V>, 'keys' | 'set' | 'directory' | 'peek'>> {
  /** The value, if the store has it in memory. `get` may find more. */
  peek: (key: string) => V | undefined;
  /** Whether `get` needs no other place than the memory of this process. */
  isInMemory: (key: string) => boolean;
  /** @returns why the value is not durable, `undefined` if it is. After `lock_lost` it is not in memory either: the store has a newer one. */
  set: (key: string, value: V) => Promise<OAuthError | undefined>;
  /** The keys of all values, also of those that are only in memory. `undefined` if the store can't list its keys. */
  keys: (() => AsyncIterable<string>) | undefined;
  /** Whether the value is in memory only, because it could not be written, or because the store is a Map. */
  isOnlyInMemory: (key: string) => boolean;
  /** Why the last `get` of `key` did not use a value that may be there. */
  problemOf: (key: string) => OAuthError | undefined;
}

const MAX_REMEMBERED_KEYS = 1000;

/** A value that could not be written. */
interface UnwrittenValue<V> {
  value: V;
  /** What the store held when the write failed. */
  before: Result<V | undefined>;
}

/**
 * A store that goes on in memory where `store` can't be used (no home directory, read-only, full, permissions that are too wide), and
 * always has a lock.
 *
 * A failure of the store is an event: `store_unavailable` once for each code, and `persist_failed` for each value that could not be
 * written. Such a value is kept in memory and written at the next use. Three things still reject: `reserve`, because a refresh token
 * whose successor can't be stored must not be used; `delete`, because what can't be deleted is not deleted; and `get` of a value that
 * can't be read at the moment, because it is not missing.
 *
 * A kept value can be used without the lock where the failure lasts, as that of a read-only disk does. Where it is `retryable`, the answer to
 * the write may only be lost: then the store has the value, and another process uses it.
 */
export function createResilientStore<V>(store: Store<V>, onEvent: (event: OAuthEvent) => void): ResilientStore<V> {
  const unwritten = new Map<string, UnwrittenValue<V>>();
  const problems = new Map<string, OAuthError>();
  /** What was read last. Where nothing can be read after a failed write, it is what the store held before. */
  const lastRead = new Map<string, V | undefined>();
  const reportUnavailable = createReport(onEvent);
  const { lock, reasonUnlocked } = createResilientLock(store, reportUnavailable);

  async function read(key: string): Promise<Result<V | undefined>> {
    const found = await attempt((async () => store.get(key))());
    if (!found.ok && !isStorageError(found.error)) throw found.error;
    if (found.ok) {
      problems.delete(key);
      setBounded(lastRead, key, found.value, MAX_REMEMBERED_KEYS);
    } else setBounded(problems, key, found.error, MAX_REMEMBERED_KEYS);
    return found;
  }

  async function set(key: string, value: V): Promise<OAuthError | undefined> {
    const written = await attempt((async () => store.set(key, value))());
    if (written.ok) {
      unwritten.delete(key);
      return undefined;
    }
    if (!isStorageError(written.error)) throw written.error;
    // The next holder of the lock has stored a newer value. This one must not replace it later.
    if (written.error.code === 'lock_lost') return written.error;
    if (unwritten.get(key)?.value === value) return written.error;
    onEvent({ type: 'persist_failed', code: written.error.code, message: written.error.message });
    const last = lastRead.get(key);
    const before = await read(key);
    unwritten.set(key, { value, before: before.ok || !lastRead.has(key) ? before : { ok: true, value: last } });
    return written.error;
  }

  async function get(key: string): Promise<V | undefined> {
    const stored = await read(key);
    const kept = unwritten.get(key);
    if (kept === undefined) {
      if (stored.ok) return stored.value;
      reportUnavailable(stored.error);
      if (stored.error.retryable) throw stored.error;
      return undefined;
    }
    if (isNewer(stored, kept.before)) {
      unwritten.delete(key);
      return stored.value;
    }
    await attempt(lock(key, () => writeKept(key, kept), { timeout: 0 }));
    return kept.value;
  }

  /** With the lock held, so that what another process stores in between is not overwritten. */
  async function writeKept(key: string, kept: UnwrittenValue<V>): Promise<void> {
    if (reasonUnlocked(key)?.retryable) return;
    if (!isNewer(await read(key), kept.before)) await set(key, kept.value);
  }

  async function* keys(): AsyncGenerator<string> {
    yield* unwritten.keys();
    for await (const key of store.keys?.() ?? []) if (!unwritten.has(key)) yield key;
  }

  function peek(key: string): V | undefined {
    if (unwritten.has(key)) return undefined;
    return store instanceof Map ? store.get(key) : store.peek?.(key);
  }

  return {
    get,
    peek,
    isInMemory: (key) => unwritten.has(key) || peek(key) !== undefined,
    set,
    lock,
    keys: store.keys && keys,
    isOnlyInMemory: (key) => unwritten.has(key) || store instanceof Map,
    problemOf: (key) => problems.get(key),
    async delete(key) {
      unwritten.delete(key);
      await store.delete(key);
    },
    async reserve(key) {
      if (store.reserve === undefined) return { interrupted: false };
      // Without the lock another process may be using the stored value at the same moment.
      const reason = reasonUnlocked(key);
      const isKept = unwritten.has(key);
      if (reason !== undefined && (!isKept || reason.retryable)) throw reason;
      // A value that is only in memory has nothing to lose on the disk.
      return isKept ? { interrupted: false } : store.reserve(key);
    },
  };
}

/** Reports each code once. */
function createReport(onEvent: (event: OAuthEvent) => void): (error: OAuthError) => void {
  const reported = new Set<string>();
  return ({ code, message }) => {
    if (reported.has(code)) return;
    reported.add(code);
    onEvent({ type: 'store_unavailable', code, message });
  };
}

/** Whether the store now holds another value than `before`. A value that can't be read is not newer. */
function isNewer<V>(now: Result<V>, before: Result<V>): now is { ok: true; value: V } {
  if (!now.ok || now.value === undefined) return false;
  return !before.ok || JSON.stringify(now.value) !== JSON.stringify(before.value);
}
