import { fileVersion, readPrivate, removePrivate } from '@oa/private-file';
import { isOAuthError, type LockOptions, type Store, type Token } from '@oa/types';
import { rethrowAsTokenCacheError } from './errors.ts';
import type { CachedToken } from './list.ts';
import { createTokenMemory } from './memory.ts';
import { assertTokenCacheOptions, cacheDirectory, filePathOf, type TokenCacheOptions } from './paths.ts';
import { belongsTo, parseRecord } from './record.ts';
import type { SharedFiles } from './shared.ts';

/** A `Store<Token>` on disk that can also list and clear its tokens. */
export interface TokenCache extends Required<Store<Token>> {
  /**
   * Reads the token of a key. The token is frozen. It comes from memory, without a promise, if its file has not changed. A
   * damaged file counts as missing.
   *
   * @throws {OAuthError} `insecure_token_cache_permissions`, `newer_file_format`, `storage_unavailable`
   */
  get(key: string): Token | undefined | Promise<Token | undefined>;
  /**
   * Writes a token, whole or not at all. A damaged file is moved aside first.
   *
   * @throws {OAuthError} `insecure_token_cache_permissions`, `newer_file_format`, `storage_unavailable`
   * @throws {TypeError} if `key` was not made by `tokenKey`
   */
  set(key: string, token: Token): Promise<void>;
  /**
   * Deletes the token of a key. A missing token is no error.
   *
   * @throws {OAuthError} `insecure_token_cache_permissions`, `storage_unavailable`
   */
  delete(key: string): Promise<void>;
  /**
   * Runs `work` while no other process or call has the lock of `key`. If `work` of the holder fails with an error for which
   * `isShareableError` is true, calls that waited for it get that error too, and do not repeat the work. Rejects with what `work`
   * rejects with, and with the reason of `options.signal`.
   *
   * @throws {OAuthError} `lock_timeout`, `insecure_token_cache_permissions`, `storage_unavailable`
   */
  lock<T>(key: string, work: () => Promise<T>, options?: LockOptions<T>): Promise<T>;
  /**
   * Reserves room on the disk for the next `set`. Call it with the lock held, before a request that uses up the refresh token.
   *
   * @returns whether an earlier process was killed between its `reserve` and its `set`
   * @throws {OAuthError} `storage_unavailable`, `insecure_token_cache_permissions`
   * @throws {TypeError} if the lock of `key` is not held
   */
  reserve(key: string): Promise<{ interrupted: boolean }>;
  /**
   * Describes the stored tokens, without any secret. Files that can't be used are left out.
   *
   * @throws {OAuthError} `insecure_token_cache_permissions`, `storage_unavailable`
   */
  list(): Promise<CachedToken[]>;
  /**
   * Removes every token, and the files that killed processes have left.
   *
   * @throws {OAuthError} `insecure_token_cache_permissions`, `storage_unavailable`
   */
  clear(): Promise<void>;
}

/**
 * Creates a cache of tokens on disk, one private file each, that all processes of this user share. Nothing is read or written
 * before the first use.
 *
 * @throws {TypeError} if an option is wrong
 * @example
 * ```ts
 * const cache = fileTokenCache({ app: 'my-tool' });
 * const key = tokenKey({ issuer: 'https://as.example', client_id: 'my-client', grant_type: 'client_credentials' });
 * await cache.set(key, { access_token: 'a', token_type: 'Bearer' });
 * ```
 */
export function fileTokenCache(options: TokenCacheOptions = {}): TokenCache {
  assertTokenCacheOptions(options);
  const memory = createTokenMemory();
  /** How many calls of this process hold or wait for the lock of each key. They need what is on the disk now. */
  const locking = new Map<string, number>();
  let shared: Promise<SharedFiles> | undefined;

  function loadShared(): Promise<SharedFiles> {
    shared ??= import('./shared.ts').then(({ createSharedFiles }) => createSharedFiles());
    return shared;
  }

  async function load(key: string): Promise<Token | undefined> {
    const file = filePathOf(key, options);
    const version = fileVersion(file);
    const token = await readToken(file, key);
    if (token !== undefined && version !== undefined) memory.set(key, token, file, version);
    return token;
  }

  async function save(key: string, token: Token): Promise<void> {
    const file = filePathOf(key, options);
    try {
      await (await loadShared()).write(file, key, token);
    } finally {
      memory.delete(key);
    }
  }

  async function remove(key: string): Promise<void> {
    memory.delete(key);
    await removePrivate(filePathOf(key, options));
  }

  async function lock<T>(key: string, work: () => Promise<T>, lockOptions?: LockOptions<T>): Promise<T> {
    const file = filePathOf(key, options);
    locking.set(key, (locking.get(key) ?? 0) + 1);
    try {
      return await (await loadShared()).lock(file, work, lockOptions);
    } finally {
      const others = (locking.get(key) ?? 1) - 1;
      if (others === 0) locking.delete(key);
      else locking.set(key, others);
      memory.delete(key);
    }
  }

  async function reserve(key: string): Promise<{ interrupted: boolean }> {
    return (await loadShared()).reserve(filePathOf(key, options));
  }

  async function list(): Promise<CachedToken[]> {
    const { listTokens } = await import('./list.ts');
    return listTokens(directory());
  }

  async function clear(): Promise<void> {
    memory.clear();
    const { clearTokens } = await import('./list.ts');
    await clearTokens(directory());
  }

  function directory(): string {
    return options.directory ?? cacheDirectory(options.app);
  }

  return {
    get: (key) => (locking.has(key) ? undefined : memory.get(key)) ?? load(key).catch(rethrowAsTokenCacheError),
    set: (key, token) => save(key, token).catch(rethrowAsTokenCacheError),
    delete: (key) => remove(key).catch(rethrowAsTokenCacheError),
    lock,
    reserve: (key) => reserve(key).catch(rethrowAsTokenCacheError),
    list: () => list().catch(rethrowAsTokenCacheError),
    clear: () => clear().catch(rethrowAsTokenCacheError),
  };
}

/** The token of `key`, or `undefined` if it is missing, damaged, or stored under another key. */
async function readToken(file: string, key: string): Promise<Token | undefined> {
  try {
    const text = await readPrivate(file);
    const record = text === undefined ? undefined : parseRecord(text, file);
    // Frozen, because all callers get the same object.
    return record !== undefined && belongsTo(record, key) ? Object.freeze(record.token) : undefined;
  } catch (error) {
    if (isOAuthError(error) && error.code === 'corrupt_file') return undefined;
    throw error;
  }
}
