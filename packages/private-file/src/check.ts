import type { Stats } from 'node:fs';
import { hasModes, insecureFileError, quotePath } from './message.ts';
import { fs } from './node.ts';
import { foreignFileError } from './owner.ts';

const { constants, lstatSync } = fs;

/** More than any token or list of clients needs, and little enough to read at once. */
export const MAX_FILE_BYTES: number = 1024 * 1024;
/** Refuses to open a symbolic link. Windows has no such flag, so a link is looked for before the file is opened. */
export const NO_FOLLOW_FLAGS: number = constants.O_NOFOLLOW ?? 0;
/** Opens a planted FIFO at once, instead of waiting for its other end. */
export const NO_WAIT_FLAGS: number = constants.O_NONBLOCK ?? 0;

/**
 * Refuses a file that other users could have planted, read or changed, or that is too large.
 *
 * @param stats of the open descriptor where there is one
 * @throws {OAuthError} `insecure_file_permissions`
 */
export function assertPrivateFile(path: string, stats: Stats): void {
  assertClosedFile(path, stats);
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
 * Refuses a file that another user owns or could open.
 *
 * @throws {OAuthError} `insecure_file_permissions`
 */
export function assertClosedFile(path: string, stats: Stats): void {
  if (stats.isSymbolicLink()) throw insecureFileError(path, 'is a symbolic link', 'Remove it.');
  if (!stats.isFile()) throw insecureFileError(path, 'is not a regular file', 'Move it away.');
  if (stats.uid !== expectedOwner(stats)) throw foreignFileError(path, stats.uid);
  if (hasModes() && (stats.mode & 0o077) !== 0)
    throw insecureFileError(
      path,
      `is open to other users (mode ${toOctal(stats)})`,
      `Run: chmod 600 ${quotePath(path)} (other users may have read or used it).`,
    );
}

/**
 * Refuses a file of another user. The system tells only that this user may not open it.
 *
 * @throws {OAuthError} `insecure_file_permissions`
 */
export function assertOwnFile(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats !== undefined && stats.uid !== expectedOwner(stats)) throw foreignFileError(path, stats.uid);
}

/** The owner that a private file must have: the user that this process acts as. */
export function expectedOwner(stats: Stats): number {
  return (hasModes() ? process.geteuid?.() : undefined) ?? stats.uid;
}

/** The mode of a file as `chmod` takes it. */
export function toOctal(stats: Stats): string {
  return `0${(stats.mode & 0o7777).toString(8)}`;
}
