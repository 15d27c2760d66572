import type { Stats } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { assertNodeVersion } from '@oa/mechanisms';
import { OAuthError } from '@oa/types';

assertNodeVersion();

// Not imported: see read.ts.
const { constants, lstatSync, realpathSync, statSync } = process.getBuiltinModule('node:fs');

/** More than any token or list of clients needs, and little enough to read at once. */
export const MAX_FILE_BYTES: number = 1024 * 1024;
/** Refuses to open a symbolic link. Windows has no such flag, so a link is looked for before the file is opened. */
export const NO_FOLLOW_FLAGS: number = constants.O_NOFOLLOW ?? 0;
/** Opens a planted FIFO at once, instead of waiting for its other end. */
export const NO_WAIT_FLAGS: number = constants.O_NONBLOCK ?? 0;

/**
 * Resolves the real path of a private file, whose directory must belong to this user and must not be writable by others.
 *
 * @returns `undefined` if the directory does not exist
 * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable`
 * @throws {TypeError} if `path` is not absolute
 */
export function resolvePrivatePath(path: string): string | undefined {
  if (!isAbsolute(path))
    throw new TypeError(`The path of a private file must be absolute, not ${JSON.stringify(path)}.`);
  let directory: string;
  let stats: Stats;
  try {
    // Resolved once: a symbolic link that changes later does not lead this operation to two places.
    directory = realpathSync.native(dirname(path));
    stats = statSync(directory);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw toStorageError(error, dirname(path));
  }
  if (!stats.isDirectory()) throw toStorageError(Object.assign(new Error(), { code: 'ENOTDIR' }), directory);
  if (stats.uid !== expectedOwner(stats))
    throw insecureFileError(
      directory,
      'belongs to another user',
      'Change its owner to this user, or use another directory.',
    );
  if (hasModes() && (stats.mode & 0o022) !== 0)
    throw insecureFileError(
      directory,
      `can be written by other users (mode ${toOctal(stats)})`,
      `Run: chmod 700 ${directory}`,
    );
  return join(directory, basename(path));
}

/**
 * Refuses a file that other users could have planted, read or changed.
 *
 * @param stats of the open descriptor where there is one
 * @throws {OAuthError} `insecure_file_permissions`
 */
export function assertPrivateFile(path: string, stats: Stats): void {
  if (stats.isSymbolicLink()) throw insecureFileError(path, 'is a symbolic link', 'Remove it.');
  if (!stats.isFile()) throw insecureFileError(path, 'is not a regular file', 'Move it away.');
  if (stats.uid !== expectedOwner(stats)) throw insecureFileError(path, 'belongs to another user', 'Remove it.');
  if (hasModes() && (stats.mode & 0o077) !== 0)
    throw insecureFileError(
      path,
      `is open to other users (mode ${toOctal(stats)})`,
      `Run: chmod 600 ${path} (and treat its content as known to other users).`,
    );
  // A file that another process has just replaced has no link left, and is accepted.
  if (stats.nlink > 1)
    throw insecureFileError(path, `has ${stats.nlink} hard links`, 'Remove the other links, or move it away.');
  if (stats.size > MAX_FILE_BYTES)
    throw insecureFileError(
      path,
      `has ${stats.size} bytes, more than the ${MAX_FILE_BYTES} that are allowed`,
      'Move it away.',
    );
}

/**
 * Checks the file that a write is about to replace. A file that a read refuses is not silently replaced.
 *
 * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable`
 */
export function assertReplaceable(path: string): void {
  let stats: Stats | undefined;
  try {
    stats = lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw toStorageError(error, path);
  }
  if (stats !== undefined) assertPrivateFile(path, stats);
}

/** The error for a file that this user can't trust. The file is left unchanged, for the user to inspect. */
export function insecureFileError(path: string, problem: string, remedy: string): OAuthError {
  return new OAuthError('insecure_file_permissions', `${path} ${problem}, so it is not used. ${remedy}`);
}

const ADVICE: Record<string, string> = {
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the disk quota is used up; free some space',
  EROFS: 'the file system is read-only; use another directory',
  EACCES: 'this user may not use it; change its permissions or use another directory',
  EPERM: 'this user may not use it; change its permissions or use another directory',
  ENOTDIR: 'a part of the path is not a directory; use another path',
  EEXIST: 'a part of the path is not a directory; use another path',
  ENOENT: 'it was removed in the meantime; try again',
};

/** Converts an error of the file system to an `OAuthError`. Any other error is a bug and stays the same. */
export function toStorageError(error: unknown, path: string): unknown {
  const name = systemErrorName(error);
  if (name === undefined) return error;
  return new OAuthError(
    'storage_unavailable',
    `${path} can't be used (${name}): ${ADVICE[name] ?? 'see the name of the error'}.`,
  );
}

/** The name of a system error, such as `ENOENT`. Nothing else of such an error is kept. */
export function systemErrorName(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return /^E[A-Z0-9]+$/.test(error.code) && !error.code.startsWith('ERR') ? error.code : undefined;
}

/** Whether `error` is a system error with one of these names. */
export function isSystemError(error: unknown, ...names: string[]): boolean {
  const name = systemErrorName(error);
  return name !== undefined && names.includes(name);
}

/** Windows has neither owners nor modes here: the access list of the user's own profile protects the files. */
function hasModes(): boolean {
  return process.platform !== 'win32';
}

function expectedOwner(stats: Stats): number {
  return hasModes() ? (process.geteuid?.() ?? stats.uid) : stats.uid;
}

function toOctal(stats: Stats): string {
  return `0${(stats.mode & 0o7777).toString(8)}`;
}
