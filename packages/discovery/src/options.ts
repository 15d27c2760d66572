import type { RequestOptions, Store } from '@oa/types';
import type { CachedMetadata } from './cached-metadata.ts';

/** The options of `discover`. */
export interface DiscoverOptions extends RequestOptions {
  /**
   * For a server that definitely publishes no metadata: `conventional` guesses the endpoints of `conventionalServer`, `none`
   * rejects with `metadata_not_found`.
   *
   * @default 'conventional'
   */
  fallback?: 'conventional' | 'none' | undefined;
  /**
   * Keeps metadata for other processes. The key is the issuer, without the slash after the host if there is no path. Metadata is kept in memory
   * in any case.
   */
  cache?: Store<CachedMetadata> | undefined;
  /**
   * Whether to ask the server even where a copy is cached, because an endpoint of the copy does not exist any more. The new copy replaces
   * the cached one. If the server can't be asked, the promise rejects.
   *
   * @default false
   */
  fresh?: boolean | undefined;
}
