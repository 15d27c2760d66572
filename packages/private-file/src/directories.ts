import { isAbsolute, join } from 'node:path';
import { OAuthError } from '@oa/types';

/**
 * Where this user's files of a kind belong: `$XDG_CACHE_HOME/<app>` or `$XDG_CONFIG_HOME/<app>`, by default
 * `~/.cache/<app>` and `~/.config/<app>`, on macOS too; on Windows `%LOCALAPPDATA%\<app>\Cache` and `...\Config`.
 * A relative variable is ignored, as the XDG Base Directory Specification asks, so that nothing ever lands in
 * the working directory. The directory is not made.
 *
 * @throws OAuthError `storage_unavailable` when no variable names an absolute path; TypeError when `app` can't be a directory's name
 */
export function userDirectory(kind: 'cache' | 'config', app: string): string {
  if (kind !== 'cache' && kind !== 'config')
    throw new TypeError(`The kind of a user directory must be 'cache' or 'config', not ${JSON.stringify(kind)}.`);
  checkName(app);
  if (process.platform === 'win32') {
    const local = process.env['LOCALAPPDATA'];
    if (local === undefined || !isAbsolute(local)) throw noDirectory(kind, 'LOCALAPPDATA');
    return join(local, app, kind === 'cache' ? 'Cache' : 'Config');
  }
  const variable = kind === 'cache' ? 'XDG_CACHE_HOME' : 'XDG_CONFIG_HOME';
  const base = process.env[variable];
  if (base !== undefined && isAbsolute(base)) return join(base, app);
  // The password file is not asked: a service without HOME would be given a directory that nobody chose for it.
  const home = process.env['HOME'];
  if (home === undefined || !isAbsolute(home)) throw noDirectory(kind, `${variable} or HOME`);
  return join(home, kind === 'cache' ? '.cache' : '.config', app);
}

function checkName(app: string): void {
  // No separators, no drive or stream (`:`), no `.` and `..`, no control characters.
  if (typeof app !== 'string' || !/^(?!\.{1,2}$)[^\p{Cc}/\\:]{1,100}$/u.test(app))
    throw new TypeError(`The app must be usable as the name of a directory, not ${JSON.stringify(app)}.`);
}

function noDirectory(kind: string, variables: string): OAuthError {
  return new OAuthError(
    'storage_unavailable',
    `There is no ${kind} directory for this user: set ${variables} to an absolute path, or name a directory yourself.`,
  );
}
