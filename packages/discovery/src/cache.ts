import { isOAuthError, type OAuthEvent, type Store } from '@oa/types';

/** The options that {@link readCache} and {@link writeCache} need. */
interface CacheOptions<V> {
  cache?: Store<V> | undefined;
  onEvent?: ((event: OAuthEvent) => void) | undefined;
}

/**
 * Reads the entry for `key`, fresh or expired. A store that fails, or an entry that `assertEntry` refuses, is the event
 * `metadata_cache_failed` and a miss: a cache only saves requests.
 */
export async function readCache<V>(
  key: string,
  options: CacheOptions<V>,
  assertEntry: (entry: V) => void,
): Promise<V | undefined> {
  try {
    const entry = await options.cache?.get(key);
    if (entry !== undefined) assertEntry(entry);
    return entry;
  } catch (error) {
    emitCacheFailure(error, key, options);
    return undefined;
  }
}

/** Stores the entry for `key`. A store that fails is the event `metadata_cache_failed`, for `issuer`. */
export async function writeCache<V>(
  key: string,
  entry: V,
  options: CacheOptions<V>,
  issuer: string = key,
): Promise<void> {
  try {
    await options.cache?.set(key, entry);
  } catch (error) {
    emitCacheFailure(error, issuer, options);
  }
}

function emitCacheFailure(error: unknown, issuer: string, { onEvent }: Pick<CacheOptions<never>, 'onEvent'>): void {
  onEvent?.({ type: 'metadata_cache_failed', issuer, code: isOAuthError(error) ? error.code : 'storage_unavailable' });
}
