/** What an engine holds for one key. */
export interface EngineState {
  /** The text of the token. `undefined` if none is stored. */
  text: string | undefined;
  /**
   * What the last holder whose work failed gave to `end`. Two failures in a row must differ, even with the same text: calls that wait receive
   * only a failure that they have not seen before. `undefined` if there is none.
   */
  failure: EngineFailure | undefined;
}

/** The failure of a holder, for the calls that waited for its lock. */
export interface EngineFailure {
  /** Differs from that of every earlier failure of the key. */
  id: string;
  text: string;
}

/** One attempt to take a lock. */
export interface LockAttempt {
  /** `undefined` if another holder has the lock. */
  lock: EngineLock | undefined;
  /** What was stored when the lock was taken or refused. With the lock taken, it must not be older than the lock. */
  state: EngineState;
}

/**
 * A lock that is held. It is lost when the engine frees it while the work of the holder runs: its session or lease has ended. A holder that has
 * lost it must not write over what the next one has written.
 */
export interface EngineLock {
  /**
   * Leaves the sign that the value is being used. One round trip. The sign outlives the lock.
   *
   * @returns whether an earlier holder has left one
   * @throws {OAuthError} `storage_unavailable`, `lock_lost`
   */
  reserve(): Promise<boolean>;
  /**
   * Removes the sign of this holder.
   *
   * @throws {OAuthError} `storage_unavailable`
   */
  release(): Promise<void>;
  /**
   * Checks without a round trip that the lock is held.
   *
   * @throws {OAuthError} `lock_lost` if it may have ended
   */
  assertHeld(): void;
  /**
   * Writes the text, and removes the sign; or deletes the value, if `text` is `undefined`. One round trip.
   *
   * @returns `false` if another holder has written since the lock was taken: nothing was written then
   * @throws {OAuthError} `storage_unavailable`
   */
  write(text: string | undefined): Promise<boolean>;
  /**
   * Frees the lock. It never rejects: a lock that can't be freed ends with its session or lease.
   *
   * @param failure what the calls that wait receive
   */
  end(failure: string | undefined): Promise<void>;
}

/**
 * What the store needs of an engine, such as a database. A key is passed as its digest, 64 hexadecimal digits. Every method rejects with
 * `storage_unavailable`, and with `retryable`, where the engine can't be reached. Its errors hold no text of a driver, which can contain a password.
 */
export interface SharedEngine {
  /**
   * Reads what is stored. One round trip.
   *
   * @throws {OAuthError} `storage_unavailable`
   */
  read(digest: string): Promise<EngineState>;
  /**
   * Tries once to take the lock of a key. One round trip. No two attempts of this process are made for one key at the same time.
   *
   * @throws {OAuthError} `storage_unavailable`
   */
  tryLock(digest: string): Promise<LockAttempt>;
  /**
   * Writes the text without the lock, and removes a sign; or deletes the value, if `text` is `undefined`.
   *
   * @throws {OAuthError} `storage_unavailable`
   */
  write(digest: string, text: string | undefined): Promise<void>;
  /**
   * The texts of all stored tokens.
   *
   * @throws {OAuthError} `storage_unavailable`
   */
  texts(): AsyncIterable<string>;
}
