import type { Stats } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { OAuthError } from '@oa/types';

// Not imported: see read.ts.
const { constants, lstatSync, realpathSync, statSync } = process.getBuiltinModule('node:fs');

/** More than any token or list of clients, less than what would hurt to read. */
export const LARGEST_FILE: number = 1024 * 1024;
/** Windows has no such flag: there a symbolic link is looked for beforehand. */
export const NO_FOLLOW: number = constants.O_NOFOLLOW ?? 0;
/** Keeps the open of a planted FIFO from waiting for its other end. */
export const NO_WAIT: number = constants.O_NONBLOCK ?? 0;

/** Where `path` really is, or `undefined` when its directory does not exist. The directory has to be this user's alone. */
export function locate(path: string): string | undefined {
  if (!isAbsolute(path))
    throw new TypeError(`The path of a private file must be absolute, not ${JSON.stringify(path)}.`);
  let directory: string;
  let stats: Stats;
  try {
    // Resolved once: a symbolic link changed afterwards does not lead this operation to two places.
    directory = realpathSync.native(dirname(path));
    stats = statSync(directory);
  } catch (error) {
    if (isNamed(error, 'ENOENT')) return undefined;
    throw storageError(error, dirname(path));
  }
  if (!stats.isDirectory()) throw storageError(Object.assign(new Error(), { code: 'ENOTDIR' }), directory);
  if (stats.uid !== currentUser(stats))
    throw insecure(directory, 'belongs to another user', `Make it yours, or use another directory.`);
  if (onPosix() && (stats.mode & 0o022) !== 0)
    throw insecure(directory, `can be written by others (mode ${octal(stats)})`, `Run: chmod 700 ${directory}`);
  return join(directory, basename(path));
}

/** Refuses what others could have planted, read or changed. `stats` come from the open descriptor where there is one. */
export function checkFile(path: string, stats: Stats): void {
  if (stats.isSymbolicLink()) throw insecure(path, 'is a symbolic link', 'Remove it.');
  if (!stats.isFile()) throw insecure(path, 'is not a regular file', 'Move it away.');
  if (stats.uid !== currentUser(stats)) throw insecure(path, 'belongs to another user', 'Remove it.');
  if (onPosix() && (stats.mode & 0o077) !== 0)
    throw insecure(
      path,
      `is open to others (mode ${octal(stats)})`,
      `Run: chmod 600 ${path} (and consider what is in it as known to others)`,
    );
  // No link is left on a file that has just been replaced: that one is fine.
  if (stats.nlink > 1) throw insecure(path, `has ${stats.nlink} hard links`, 'Remove the other ones, or move it away.');
  if (stats.size > LARGEST_FILE)
    throw insecure(path, `has ${stats.size} bytes, more than the ${LARGEST_FILE} allowed`, 'Move it away.');
}

/** Checks the file that a write is about to replace: what is refused when read is not replaced silently either. */
export function checkTarget(path: string): void {
  let stats: Stats | undefined;
  try {
    stats = lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw storageError(error, path);
  }
  if (stats !== undefined) checkFile(path, stats);
}

/** The typed error of a file that this user can't trust. It is left as it is, for the user to look at. */
export function insecure(path: string, problem: string, remedy: string): OAuthError {
  return new OAuthError('insecure_file_permissions', `${path} ${problem}, so it is not used. ${remedy}`);
}

const advice: Record<string, string> = {
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the disk quota is used up; free some space',
  EROFS: 'the file system is read-only; use another directory',
  EACCES: 'this user may not use it; change its permissions or use another directory',
  EPERM: 'this user may not use it; change its permissions or use another directory',
  ENOTDIR: 'a part of the path is not a directory; use another one',
  EEXIST: 'a part of the path is not a directory; use another one',
  ENOENT: 'it was removed in the meantime; try again',
};

/** An error of the file system as a typed one. Anything else is a bug and stays what it is. */
export function storageError(error: unknown, path: string): unknown {
  const name = errorName(error);
  if (name === undefined) return error;
  return new OAuthError(
    'storage_unavailable',
    `${path} can't be used (${name}): ${advice[name] ?? 'see the name of the error'}.`,
  );
}

/** `ENOENT` and its like: the one part of a system error that is kept. */
export function errorName(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return /^E[A-Z0-9]+$/.test(error.code) && !error.code.startsWith('ERR') ? error.code : undefined;
}

/** Whether `error` is a system error of one of these names. */
export function isNamed(error: unknown, ...names: string[]): boolean {
  const name = errorName(error);
  return name !== undefined && names.includes(name);
}

/** Windows has neither owners nor modes here: the access list of the user's own profile protects the files. */
function onPosix(): boolean {
  return process.platform !== 'win32';
}

function currentUser(stats: Stats): number {
  return onPosix() ? (process.geteuid?.() ?? stats.uid) : stats.uid;
}

function octal(stats: Stats): string {
  return `0${(stats.mode & 0o7777).toString(8)}`;
}
