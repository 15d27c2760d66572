import { OAuthError } from '@oa/types';
import { CONTROL_CHARACTERS, quotePath } from './message.ts';
import { paths } from './node.ts';
import { toStorageError } from './storage-error.ts';

/** The app that files belong to where a program names none. Programs that share it share tokens and clients. */
export const DEFAULT_APP = 'oa';

/**
 * The directory for this user's files of one kind: `$XDG_CACHE_HOME/<app>` or `$XDG_CONFIG_HOME/<app>`, by default
 * `~/.cache/<app>` and `~/.config/<app>`, on macOS too; on Windows `%LOCALAPPDATA%\<app>\Cache` and `%LOCALAPPDATA%\<app>\Config`.
 * A relative variable is ignored, so that no file is ever created in the working directory. One with control characters is refused,
 * because they would change the text of errors. The directory is not created.
 *
 * @param app the name of the program; {@link DEFAULT_APP} by default
 * @throws {OAuthError} `storage_unavailable` if no variable holds an absolute path, or if it has control characters
 * @throws {TypeError} if `kind` is unknown, or if `app` can't be the name of a directory
 * @see https://specifications.freedesktop.org/basedir-spec/latest/
 */
export function userDirectory(kind: 'cache' | 'config', app: string = DEFAULT_APP): string {
  if (kind !== 'cache' && kind !== 'config')
    throw new TypeError(`The kind of a user directory must be 'cache' or 'config', not ${JSON.stringify(kind)}.`);
  assertAppName(app);
  if (process.platform === 'win32') {
    const local = readPath('LOCALAPPDATA');
    if (local === undefined) throw noDirectoryError(kind, 'LOCALAPPDATA');
    return paths.join(local, app, kind === 'cache' ? 'Cache' : 'Config');
  }
  const variable = kind === 'cache' ? 'XDG_CACHE_HOME' : 'XDG_CONFIG_HOME';
  const base = readPath(variable);
  if (base !== undefined) return paths.join(base, app);
  // The user database is not read: it would give a service without HOME a directory that its operator did not choose.
  const home = readPath('HOME');
  if (home === undefined) throw noDirectoryError(kind, `${variable} or HOME`);
  return paths.join(home, kind === 'cache' ? '.cache' : '.config', app);
}

/** The absolute path that an environment variable holds. */
function readPath(variable: string): string | undefined {
  let path: string | undefined;
  try {
    path = process.env[variable];
  } catch (error) {
    // Deno asks for a permission here.
    throw toStorageError(error, variable);
  }
  if (path === undefined || !paths.isAbsolute(path)) return undefined;
  if (CONTROL_CHARACTERS.test(path))
    throw new OAuthError(
      'storage_unavailable',
      `The variable ${variable} contains control characters: ${quotePath(path)}. Set it to another path.`,
    );
  return path;
}

function assertAppName(app: string): void {
  // No separators, no drive or stream (`:`), no `.` and `..`, no control characters.
  if (typeof app !== 'string' || !/^(?!\.{1,2}$)[^/\\:]{1,100}$/u.test(app) || CONTROL_CHARACTERS.test(app))
    throw new TypeError(
      `The app must be usable as the name of a directory, not ${typeof app === 'string' ? quotePath(app) : typeof app}.`,
    );
}

function noDirectoryError(kind: string, variables: string): OAuthError {
  return new OAuthError(
    'storage_unavailable',
    `There is no ${kind} directory for this user: set ${variables} to an absolute path, or pass a directory.`,
  );
}
