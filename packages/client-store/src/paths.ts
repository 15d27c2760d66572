import { dirname, isAbsolute, join } from 'node:path';
import { userDirectory } from '@oa/private-file';
import { assertKeySource, isOAuthError, type KeySource, type OAuthEvent } from '@oa/types';

/** Where registered clients are stored. */
export interface ClientStoreOptions {
  /**
   * The name of the program, and of its directory. Programs with the same name share clients.
   *
   * @default 'oa'
   */
  app?: string | undefined;
  /**
   * The absolute path of the file.
   *
   * @default `registered.json` in the configuration directory of `app`
   */
  path?: string | undefined;
  /** A label that keeps the clients of a tenant or an account in a file of their own. */
  profile?: string | undefined;
  /**
   * The key that secrets of clients are encrypted with. Plain secrets are read, and become encrypted when their entry is written the next time.
   *
   * @default secrets are not encrypted
   */
  encryption?: KeySource | undefined;
  /** Called with `store_unavailable` if `lookup` can't read the file, and with `persist_failed` if a client can't be written. */
  onEvent?: ((event: OAuthEvent) => void) | undefined;
}

/** Rejects a wrong option at once. A missing home directory is reported when the file is needed. */
export function assertClientStoreOptions({ app, path, profile, encryption }: ClientStoreOptions): void {
  if (encryption !== undefined) assertKeySource(encryption, 'options.encryption');
  if (path !== undefined && (typeof path !== 'string' || !isAbsolute(path)))
    throw new TypeError(`The path of a client store must be absolute, not ${JSON.stringify(path)}.`);
  if (profile !== undefined && (typeof profile !== 'string' || profile === ''))
    throw new TypeError(`The profile of a client store must be a non-empty string, not ${JSON.stringify(profile)}.`);
  if (path !== undefined) return;
  try {
    storePath({ app });
  } catch (error) {
    if (!isOAuthError(error)) throw error;
  }
}

/** The path of the file: `<config>/<app>/registered.json`, with a profile `registered.<profile>.json`. */
export function storePath({ app, path, profile }: ClientStoreOptions): string {
  const file = path ?? join(userDirectory('config', app), 'registered.json');
  if (profile === undefined) return file;
  const stem = file.slice(dirname(file).length).replace(/\.json$/, '');
  return `${dirname(file)}${stem}.${escapeProfile(profile)}.json`;
}

/** A part of a file name that differs for every profile, also on file systems that ignore case. */
function escapeProfile(profile: string): string {
  return profile.replace(/[^a-z\d_@-]/gu, (character) => Buffer.from(character).toString('hex').replace(/../g, '%$&'));
}
