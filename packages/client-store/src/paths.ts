import { dirname, isAbsolute, join } from 'node:path';
import { userDirectory } from '@oa/private-file';
import { isOAuthError, type OAuthEvent } from '@oa/types';

/** Where the registered clients are kept. */
export interface ClientStoreOptions {
  /** The name of the program, and of its directory. `oa` unless said otherwise: programs that share it share clients. */
  app?: string | undefined;
  /** The absolute path of the file, instead of `registered.json` in the user's configuration directory. */
  path?: string | undefined;
  /** Keeps the clients of a tenant or an account in a file of their own. */
  profile?: string | undefined;
  /** Told why `lookup` found nothing to read (`store_unavailable`), or why a client could not be kept (`persist_failed`). */
  onEvent?: ((event: OAuthEvent) => void) | undefined;
}

/** A wrong option is told at once; a missing home directory only when it is needed. */
export function checkOptions({ app, path, profile }: ClientStoreOptions): void {
  if (path !== undefined && (typeof path !== 'string' || !isAbsolute(path)))
    throw new TypeError(`The path of a client store must be absolute, not ${JSON.stringify(path)}.`);
  if (profile !== undefined && (typeof profile !== 'string' || profile === ''))
    throw new TypeError(`The profile of a client store must be a non-empty string, not ${JSON.stringify(profile)}.`);
  if (path !== undefined) return;
  try {
    storeFile(app === undefined ? {} : { app });
  } catch (error) {
    if (!isOAuthError(error)) throw error;
  }
}

/** The file of these options: `<config>/<app>/registered.json`; with a profile `registered.<profile>.json`. */
export function storeFile({ app = 'oa', path, profile }: ClientStoreOptions): string {
  const file = path ?? join(userDirectory('config', app), 'registered.json');
  if (profile === undefined) return file;
  const stem = file.slice(dirname(file).length).replace(/\.json$/, '');
  return `${dirname(file)}${stem}.${encode(profile)}.json`;
}

/** As a part of a file's name that is different for every profile, on file systems that ignore case too. */
function encode(profile: string): string {
  return profile.replace(/[^a-z\d_@-]/gu, (character) => Buffer.from(character).toString('hex').replace(/../g, '%$&'));
}
