import { fileVersion, readPrivate, removePrivate } from '@oa/private-file';
import { isOAuthError, type LockOptions, type Store, type Token } from '@oa/types';
import { asTokenCache } from './errors.ts';
import type { CachedToken } from './list.ts';
import { createMemory } from './memory.ts';
import { cacheDirectory, checkOptions, fileOf, type TokenCacheOptions } from './paths.ts';
import { belongsTo, deserialize } from './record.ts';
import type { SharedFiles } from './shared.ts';

/** A `Store<Token>` on disk, with what a person needs to look after it. */
export interface TokenCache extends Required<Store<Token>> {
  get(key: string): Token | undefined | Promise<Token | undefined>;
  set(key: string, token: Token): Promise<void>;
  delete(key: string): Promise<void>;
  /** What is stored, without any secret. Files that can't be used are left out. */
  list(): Promise<CachedToken[]>;
  /** Removes every token, and what killed processes have left. */
  clear(): Promise<void>;
}

/**
 * Tokens on disk, one private file each, shared by all processes of this user. Nothing is touched before the first use.
 *
 * `get` hands out what is stored, from memory where the file has not changed since; a damaged file is a miss. `set`
 * writes whole or not at all, and moves a damaged file aside. `lock` excludes all other processes, `reserve` takes room
 * on the disk. They reject with an OAuthError `insecure_token_cache_permissions`, `newer_file_format`,
 * `storage_unavailable` or `lock_timeout`. Tokens that `get` returns are frozen.
 *
 * @throws TypeError for a wrong option
 */
export function fileTokenCache(options: TokenCacheOptions = {}): TokenCache {
  checkOptions(options);
  const memory = createMemory();
  /** How many calls of this process lock each key, or wait for it: they need what is on the disk now. */
  const busy = new Map<string, number>();
  let shared: Promise<SharedFiles> | undefined;

  function useShared(): Promise<SharedFiles> {
    shared ??= import('./shared.ts').then(({ createSharedFiles }) => createSharedFiles());
    return shared;
  }

  async function load(key: string): Promise<Token | undefined> {
    const file = fileOf(key, options);
    const version = fileVersion(file);
    const token = await readToken(file, key);
    if (token !== undefined && version !== undefined) memory.set(key, token, file, version);
    return token;
  }

  async function lock<T>(key: string, work: () => Promise<T>, lockOptions?: LockOptions<T>): Promise<T> {
    const file = fileOf(key, options);
    busy.set(key, (busy.get(key) ?? 0) + 1);
    try {
      return await (await useShared()).lock(file, work, lockOptions);
    } finally {
      const others = (busy.get(key) ?? 1) - 1;
      if (others === 0) busy.delete(key);
      else busy.set(key, others);
      memory.delete(key);
    }
  }

  return {
    get: (key) => (busy.has(key) ? undefined : memory.get(key)) ?? asTokenCache(() => load(key)),
    set: (key, token) =>
      asTokenCache(async () => {
        const file = fileOf(key, options);
        try {
          await (await useShared()).write(file, key, token);
        } finally {
          memory.delete(key);
        }
      }),
    delete: (key) =>
      asTokenCache(async () => {
        memory.delete(key);
        await removePrivate(fileOf(key, options));
      }),
    lock,
    reserve: (key) => asTokenCache(async () => (await useShared()).reserve(fileOf(key, options))),
    list: () => asTokenCache(async () => (await import('./list.ts')).listTokens(directory())),
    clear: () =>
      asTokenCache(async () => {
        memory.clear();
        await (await import('./list.ts')).clearTokens(directory());
      }),
  };

  function directory(): string {
    return options.directory ?? cacheDirectory(options.app);
  }
}

/** The token of `key`, or `undefined` for one that is absent, damaged, or another key's. */
async function readToken(file: string, key: string): Promise<Token | undefined> {
  try {
    const text = await readPrivate(file);
    const record = text === undefined ? undefined : deserialize(text, file);
    // Frozen, because everybody who asks is handed the same one.
    return record !== undefined && belongsTo(record, key) ? Object.freeze(record.token) : undefined;
  } catch (error) {
    if (isOAuthError(error) && error.code === 'corrupt_file') return undefined;
    throw error;
  }
}
