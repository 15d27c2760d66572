import { isAbsolute, join } from 'node:path';
import { userDirectory } from '@oa/private-file';
import { isOAuthError } from '@oa/types';
import { tokenKey, type TokenIdentity } from './key.ts';
import { sha256 } from './sha256.ts';

/** Where tokens are kept. */
export interface TokenCacheOptions {
  /** The name of the program, and of its directory. `oa` unless said otherwise: programs that share it share tokens. */
  app?: string | undefined;
  /** An absolute path, instead of the user's cache directory. Made with mode 0700 when it is missing. */
  directory?: string | undefined;
}

const DEFAULT_APP = 'oa';

/**
 * `$XDG_CACHE_HOME/<app>/tokens`, by default `~/.cache/<app>/tokens`.
 *
 * @throws OAuthError `storage_unavailable` when there is no such place; TypeError for an impossible name
 */
export function cacheDirectory(app: string = DEFAULT_APP): string {
  return join(userDirectory('cache', app), 'tokens');
}

/**
 * The file in which an identity's token is kept.
 *
 * @throws OAuthError `storage_unavailable` when there is no place for it; TypeError for a wrong identity or option
 */
export function cacheFile(identity: TokenIdentity, options: TokenCacheOptions = {}): string {
  return fileOf(tokenKey(identity), options);
}

/** The file of a key. `v1.` is the version of the key, not of the file's format. */
export function fileOf(key: string, options: TokenCacheOptions): string {
  return join(options.directory ?? cacheDirectory(options.app), `v1.${sha256(key)}.json`);
}

/** A wrong option is told at once; a missing home directory only when it is needed. */
export function checkOptions({ app, directory }: TokenCacheOptions): void {
  if (directory !== undefined && (typeof directory !== 'string' || !isAbsolute(directory)))
    throw new TypeError(`The directory of a token cache must be an absolute path, not ${JSON.stringify(directory)}.`);
  if (directory !== undefined) return;
  try {
    cacheDirectory(app);
  } catch (error) {
    if (!isOAuthError(error)) throw error;
  }
}
