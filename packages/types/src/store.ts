/** How long to wait for a lock, and what may end the wait early. */
export interface LockOptions<T> {
  signal?: AbortSignal | undefined;
  /** Milliseconds to wait. 0 tries once. Without it the wait is as long as the holder's work. */
  timeout?: number | undefined;
  /** Asked at each poll while somebody else holds the lock: a value other than `undefined` is the outcome, without the lock. */
  whileWaiting?: (() => T | undefined | Promise<T | undefined>) | undefined;
}

/**
 * Somewhere to keep values: shaped like a Map, sync or async, so `new Map()` is one. What goes wrong with the store is an
 * `OAuthError` (`isStorageError`); anything else that it throws is taken for a bug.
 *
 * A store that several processes share offers `lock` and `reserve` too.
 */
export interface Store<V> {
  get(key: string): V | undefined | Promise<V | undefined>;
  set(key: string, value: V): unknown;
  delete(key: string): unknown;
  /**
   * Runs `work` while nobody else, in any process, does the same for `key`. Who waited for a holder whose work failed
   * with an `OAuthError` gets that error, and does not repeat the work. Rejects with `lock_timeout` when `timeout` has passed.
   */
  lock?<T>(key: string, work: () => Promise<T>, options?: LockOptions<T>): Promise<T>;
  /**
   * Called with the lock held, before a request that uses up the stored value (a rotating refresh token): takes the
   * room that the next `set` needs, and rejects with an `OAuthError` if that can't be had. `interrupted` says that an
   * earlier holder was killed between `reserve` and `set`, so that the stored value may be used up already.
   */
  reserve?(key: string): Promise<{ interrupted: boolean }>;
}
