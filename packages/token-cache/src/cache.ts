import { fileVersion, removePrivate, userDirectory } from '@oa/private-file';
import { attempt, type LockOptions, type Store, type Token } from '@oa/types';
import { decodeToken } from './codec.ts';
import { rethrowAsTokenCacheError } from './errors.ts';
import { importCacheModule } from './import-module.ts';
import type { CachedToken, FoundToken } from './list.ts';
import { createTokenMemory } from './memory.ts';
import { assertTokenCacheOptions, cacheDirectory, filePathOf, type TokenCacheOptions } from './paths.ts';
import { readRecord, type TokenRecord } from './record.ts';
import type { SharedFiles, TokenReservation } from './shared.ts';

/** A `Store<Token>` on disk that can also list and clear its tokens. */
export interface TokenCache extends Required<Store<Token>> {
  /**
   * Reads the token of a key. The token is frozen. It comes from memory, without a promise, if its file has not changed. A
   * damaged file counts as missing, and is the event `file_damaged`. A file that can't be read at this moment does not count as missing:
   * it is `storage_unavailable` with `retryable`. An encrypted token whose key is another one or lost is `decryption_failed`, and is kept.
   *
   * @throws {OAuthError} `insecure_token_cache_permissions`, `newer_file_format`, `storage_unavailable`, `decryption_failed`; with the option
   *   `encryption` also what the key source rejects with
   */
  get(key: string): Token | undefined | Promise<Token | undefined>;
  /**
   * Returns the token of a key from memory, if its file has not changed. It makes no promise, and reads no file.
   */
  peek(key: string): Token | undefined;
  /**
   * Writes a token, whole or not at all. A damaged file is moved aside first. A file that other users could have read or planted is
   * replaced: the file or link itself, never what it points to. A file of another user and one of a newer format stay. With the option
   * `encryption` the token is encrypted, and replaces one whose key is lost. Without it an encrypted token stays.
   *
   * @throws {OAuthError} `insecure_token_cache_permissions`, `newer_file_format`, `storage_unavailable`, `decryption_failed`
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
   * Runs `work` while no other process or call has the lock of `key`. A whole token that an earlier holder could write but not put in its
   * place is put there first. If `work` of the holder fails with an error for which
   * `isShareableError` is true, calls that waited for it get that error too, and do not repeat the work. Rejects with what `work`
   * rejects with, and with the reason of `options.signal`.
   *
   * @throws {OAuthError} `lock_timeout`, `insecure_token_cache_permissions`, `storage_unavailable`
   */
  lock<T>(key: string, work: () => Promise<T>, options?: LockOptions<T>): Promise<T>;
  /**
   * Reserves room on the disk for the next `set`, and leaves a sign that the refresh token is being used. Call it with the lock held,
   * before the request. All checks are made here, the encryption key is asked for, and a damaged file is moved aside: after the request only the
   * write is left.
   *
   * The sign stays after the lock has ended, unless `set` has succeeded or `release` was called. Call `release` when the server has
   * answered without a token, or when the request did not reach it.
   *
   * @returns `interrupted`: whether an earlier sign is left, because its process was killed or had no answer
   * @throws {OAuthError} `storage_unavailable`, `insecure_token_cache_permissions`, `newer_file_format`, `decryption_failed`
   * @throws {TypeError} if the lock of `key` is not held
   */
  reserve(key: string): Promise<{ interrupted: boolean; release: () => Promise<void> }>;
  /**
   * The keys of the stored tokens, in the order of their file names. Damaged files and files of a newer format are left out. Where a file
   * can't be read, the keys of all others come first, and then the first error.
   *
   * @throws {OAuthError} `insecure_token_cache_permissions`, `storage_unavailable`
   */
  keys(): AsyncIterable<string>;
  /**
   * Describes the stored tokens, without any secret, in the order and with the error of `keys`: as a list with `await`, or one after the other
   * with `for await`, which reads at most 16 files ahead. Files that can't be used are left out.
   *
   * @throws {OAuthError} `insecure_token_cache_permissions`, `storage_unavailable`
   */
  list(): PromiseLike<CachedToken[]> & AsyncIterable<CachedToken>;
  /**
   * Removes every token, and the files that killed processes have left.
   *
   * @throws {OAuthError} `insecure_token_cache_permissions`, `storage_unavailable`
   */
  clear(): Promise<void>;
  /**
   * Returns where the user of the cache may keep files that belong to its tokens, such as the metadata of their servers: the option
   * `directory`, else the directory that has the folder of the tokens in it. `clear` leaves such files.
   *
   * @throws {OAuthError} `storage_unavailable` if this user has no such directory
   */
  directory(): string;
}

/** The lock of a key, while calls of this process hold it or wait for it. They need what is on the disk now. */
interface KeyLock {
  calls: number;
  /** The holder reads the file: a network file system can report an old version. */
  isHeld: boolean;
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
  /** The keys whose lock calls of this process hold or wait for. */
  const locks = new Map<string, KeyLock>();
  const damaged = new Set<string>();
  let shared: Promise<SharedFiles> | undefined;

  function loadShared(): Promise<SharedFiles> {
    shared ??= importCacheModule(import('./shared.ts')).then(({ createSharedFiles }) =>
      createSharedFiles(options.encryption),
    );
    // The next call tries again.
    shared.catch(() => (shared = undefined));
    return shared;
  }

  function peek(key: string): Token | undefined {
    const keyLock = locks.get(key);
    return keyLock?.isHeld ? undefined : memory.get(key, keyLock !== undefined);
  }

  async function load(key: string): Promise<Token | undefined> {
    const file = filePathOf(key, options);
    const version = fileVersion(file);
    const record = (await readRecord(file, key)) ?? (await adoptFirst(file, key));
    if (record === undefined) return undefined;
    const stored = record === 'damaged' ? undefined : await toToken(record, file);
    if (stored === undefined) {
      reportDamage(file);
      return undefined;
    }
    // Frozen, because all callers get the same object.
    const token = Object.freeze(stored);
    if (version !== undefined) memory.set(key, token, file, version);
    return token;
  }

  /** The usual token is plain. */
  function toToken(record: TokenRecord, file: string): Token | undefined | Promise<Token | undefined> {
    return record.format === 1 ? record.token : decodeToken(record, file, options.encryption);
  }

  /**
   * Looks for a first token that its process could write but not put in its place, which the lock does. A process that holds the lock, for
   * example during a login, is not waited for.
   */
  async function adoptFirst(file: string, key: string): Promise<TokenRecord | 'damaged' | undefined> {
    if (locks.has(key) || fileVersion(`${file}.pending`) === undefined) return undefined;
    const adopted = await attempt(lock(key, () => readRecord(file, key), { timeout: 0 }));
    if (adopted.ok) return adopted.value;
    if (adopted.error.code !== 'lock_timeout' && adopted.error.retryable) throw adopted.error;
    return undefined;
  }

  /** Once for each file, until it is replaced. */
  function reportDamage(file: string): void {
    if (damaged.has(file)) return;
    damaged.add(file);
    const message = `${file} is damaged: it was cut, edited, or changed on the disk. Its token is not used, and the next one moves it aside.`;
    options.onEvent?.({ type: 'file_damaged', file, message });
  }

  async function save(key: string, token: Token): Promise<void> {
    const file = filePathOf(key, options);
    try {
      await (await loadShared()).write(file, key, token);
      damaged.delete(file);
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
    const keyLock = locks.get(key) ?? { calls: 0, isHeld: false };
    locks.set(key, keyLock);
    keyLock.calls += 1;
    async function run(): Promise<T> {
      keyLock.isHeld = true;
      try {
        return await work();
      } finally {
        keyLock.isHeld = false;
      }
    }
    try {
      return await (await loadShared()).lock(file, key, run, lockOptions);
    } finally {
      keyLock.calls -= 1;
      if (keyLock.calls === 0) locks.delete(key);
      memory.delete(key);
    }
  }

  async function reserve(key: string): Promise<TokenReservation> {
    return (await loadShared()).reserve(filePathOf(key, options), key);
  }

  async function* readAll<T>(convert: (found: FoundToken, list: ListModule) => T): AsyncGenerator<T, void, undefined> {
    try {
      const list = await importCacheModule(import('./list.ts'));
      for await (const some of list.readTokens(tokensDirectory())) for (const found of some) yield convert(found, list);
    } catch (error) {
      rethrowAsTokenCacheError(error);
    }
  }

  async function clear(): Promise<void> {
    memory.clear();
    const { clearTokens } = await importCacheModule(import('./list.ts'));
    await clearTokens(tokensDirectory());
  }

  function tokensDirectory(): string {
    return options.directory ?? cacheDirectory(options.app);
  }

  return {
    get: (key) => peek(key) ?? load(key).catch(rethrowAsTokenCacheError),
    peek,
    set: (key, token) => save(key, token).catch(rethrowAsTokenCacheError),
    delete: (key) => remove(key).catch(rethrowAsTokenCacheError),
    lock,
    reserve: (key) => reserve(key).catch(rethrowAsTokenCacheError),
    keys: () => readAll(({ key }) => key),
    list: () => toTokenList(() => readAll((found, { toCachedToken }) => toCachedToken(found))),
    clear: () => clear().catch(rethrowAsTokenCacheError),
    directory: () => options.directory ?? userDirectory('cache', options.app),
  };
}

/** A process that only reads a token does not load it. */
type ListModule = typeof import('./list.ts');

/** Nothing is read before the list is awaited or iterated. */
function toTokenList(describe: () => AsyncGenerator<CachedToken>): ReturnType<TokenCache['list']> {
  const list = async (): Promise<CachedToken[]> => {
    const described: CachedToken[] = [];
    for await (const token of describe()) described.push(token);
    return described;
  };
  return {
    // oxlint-disable-next-line unicorn/no-thenable -- `await` takes the whole list.
    then: (onList, onError) => list().then(onList, onError),
    [Symbol.asyncIterator]: describe,
  };
}
