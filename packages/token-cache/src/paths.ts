import { sha256Hex } from '@oa/mechanisms';
import { CONTROL_CHARACTERS, DEFAULT_APP, userDirectory } from '@oa/private-file';
import { assertKeySource, isOAuthError, type KeySource, type OAuthEvent } from '@oa/types';
import { tokenKey, type TokenIdentity } from './key.ts';

// Not imported: ESM takes longer for a built-in module.
const path = process.getBuiltinModule('node:path');

/** Where tokens are stored. */
export interface TokenCacheOptions {
  /**
   * The name of the program, and of its directory. Programs with the same name share tokens.
   *
   * @default 'oa'
   */
  app?: string | undefined;
  /**
   * An absolute path. It is created with mode 0700 if it is missing.
   *
   * @default {@link cacheDirectory} of `app`
   */
  directory?: string | undefined;
  /**
   * The key that tokens are encrypted with. A plain token is read, and becomes encrypted when it is written the next time.
   *
   * @default tokens are not encrypted
   */
  encryption?: KeySource | undefined;
  /** Called with `file_damaged` if `get` finds a damaged file. */
  onEvent?: ((event: OAuthEvent) => void) | undefined;
}

/**
 * The directory of a program's tokens: `$XDG_CACHE_HOME/<app>/tokens`, by default `~/.cache/<app>/tokens`.
 *
 * @throws {OAuthError} `storage_unavailable` if this user has no such directory
 * @throws {TypeError} if `app` can't be the name of a directory
 */
export function cacheDirectory(app: string = DEFAULT_APP): string {
  return path.join(userDirectory('cache', app), 'tokens');
}

/**
 * The path of the file that holds the token of an identity.
 *
 * @throws {OAuthError} `storage_unavailable` if this user has no directory for it
 * @throws {TypeError} if the identity or an option is wrong
 */
export function cacheFile(identity: TokenIdentity, options: TokenCacheOptions = {}): string {
  return filePathOf(tokenKey(identity), options);
}

/** The path of the file of a key. `v1.` is the version of the key, not of the format of the file. */
export function filePathOf(key: string, options: TokenCacheOptions): string {
  return path.join(options.directory ?? cacheDirectory(options.app), fileNameOf(key));
}

/** The name of the file of a key. */
export function fileNameOf(key: string): string {
  return `v1.${sha256Hex(key)}.json`;
}

/** Rejects a wrong option at once. A missing home directory is reported when the directory is needed. */
export function assertTokenCacheOptions({ app, directory, encryption }: TokenCacheOptions): void {
  if (encryption !== undefined) assertKeySource(encryption, 'options.encryption');
  if (directory !== undefined && (typeof directory !== 'string' || !path.isAbsolute(directory)))
    throw new TypeError('The directory of a token cache must be an absolute path.');
  if (directory !== undefined && CONTROL_CHARACTERS.test(directory))
    throw new TypeError('The directory of a token cache must not contain control characters.');
  if (directory !== undefined) return;
  try {
    cacheDirectory(app);
  } catch (error) {
    if (!isOAuthError(error)) throw error;
  }
}
