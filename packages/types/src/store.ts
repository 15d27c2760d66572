/** How long to wait for a lock, and what may end the wait early. */
export interface LockOptions<T> {
  /** Ends the wait when it aborts. The promise then rejects with the reason of the signal. */
  signal?: AbortSignal | undefined;
  /**
   * Milliseconds to wait for the lock. 0 tries once.
   *
   * @default 600_000, ten minutes
   */
  timeout?: number | undefined;
  /** Called at each poll while another process or call holds the lock. A value other than `undefined` becomes the result, without the lock. */
  whileWaiting?: (() => T | undefined | Promise<T | undefined>) | undefined;
}

/** What `reserve` of a {@link Store} returns. */
export interface StoreReservation {
  /** Whether an earlier sign is left, because its process was killed or had no answer. */
  interrupted: boolean;
  /** Gives the room back and removes the sign, but not the sign of an earlier interruption. */
  release?: (() => unknown) | undefined;
  /**
   * Called right before the request is sent.
   *
   * @throws {OAuthError} `lock_lost` if the lock may have ended
   */
  assertHeld?: (() => void) | undefined;
}

/**
 * A place to keep values. It has the shape of a Map, sync or async, so `new Map()` is a store.
 *
 * A failure of the store is an `OAuthError` for which `isStorageError` is true. Every other error counts as a bug.
 * A store that several processes share also has `lock` and `reserve`. `storeContract` of `@oa/store-contract` tests that it keeps what is said here.
 */
export interface Store<V> {
  /**
   * Reads a value. A damaged value counts as missing.
   *
   * A value that can't be read at this moment, but may be there, is `storage_unavailable` with `retryable`. It must not count as missing.
   *
   * @throws {OAuthError} `storage_unavailable`, or another code for which `isStorageError` is true
   */
  get(key: string): V | undefined | Promise<V | undefined>;
  /**
   * Returns the value of a key if it is in memory and current, without a promise and without reading anything. What it does not return,
   * `get` may.
   */
  peek?(key: string): V | undefined;
  /** Writes a value. A promise resolves when the value is durable. */
  set(key: string, value: V): unknown;
  /** Deletes a value. A promise resolves when the deletion is durable. */
  delete(key: string): unknown;
  /**
   * The keys of all stored values. A value that can't be read does not end the iteration: the other keys come first, then the first error.
   *
   * @throws {OAuthError} `storage_unavailable`, or another code for which `isStorageError` is true
   */
  keys?(): Iterable<string> | AsyncIterable<string>;
  /**
   * Runs `work` while no other call, in any process, runs work for `key`.
   *
   * Calls that wait receive the error of a holder whose work failed, if `isShareableError` is true for it, and do not repeat the work.
   *
   * @throws {OAuthError} `lock_timeout` when `timeout` has passed, or the error of the work
   */
  lock?<T>(key: string, work: () => Promise<T>, options?: LockOptions<T>): Promise<T>;
  /**
   * Reserves the room that the next `set` needs, and leaves a sign that the stored value is being used. It is called with the lock held,
   * before a request that uses the value, such as a refresh token that the server accepts once. Everything that can refuse the next
   * `set` is checked here.
   *
   * The sign stays after the lock has ended, unless `set` has succeeded or `release` was called. Call `release` when the outcome of the
   * request is known: the server answered with an HTTP status, or the request did not reach it.
   *
   * @returns `interrupted`: whether an earlier sign is left, so that the stored value may be used already; `release` gives the room back
   * and removes the sign, but not the sign of an earlier interruption; `assertHeld` is called right before the request is sent, and throws
   * `lock_lost` where the lock of the store can end by itself and may have ended
   * @throws {OAuthError} `storage_unavailable` if there is no room, or another code for which `isStorageError` is true
   */
  reserve?(key: string): Promise<StoreReservation>;
  /**
   * Returns the absolute path of a directory where the user of the store may keep files that belong to its values. The manager keeps the
   * metadata of servers there, for example.
   *
   * @throws {OAuthError} `storage_unavailable`, or another code for which `isStorageError` is true
   */
  directory?(): string;
}

/**
 * The encryption key of a store, from wherever the program keeps it: the keychain of the operating system, a passphrase, or a key management
 * service.
 *
 * @example
 * const encryption: KeySource = { id: 'kms/tokens-2026', key: async () => decryptDataKey() };
 */
export interface KeySource {
  /** Names the key, and is no secret. It is stored with each value, so that another key is told from a damaged value. */
  id: string;
  /**
   * Returns the 32 bytes of the key. The result is kept for as long as the process runs.
   *
   * @param signal aborts when the caller does not wait any more
   * @throws {OAuthError} `storage_unavailable` where the key can't be had now
   */
  key(signal?: AbortSignal): Promise<Uint8Array>;
}
