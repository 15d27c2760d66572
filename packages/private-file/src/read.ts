import { isUtf8 } from 'node:buffer';
import { OAuthError } from '@oa/types';
import { checkFile, errorName, insecure, locate, NO_FOLLOW, NO_WAIT, storageError } from './check.ts';

// Not imported: ESM would read every lazy member of the module, which takes longer than reading the file.
const { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } = process.getBuiltinModule('node:fs');

/**
 * Reads a file that is yours alone: a regular file with one link, owned by this user, closed to everybody else, at most
 * 1 MiB, in a directory that only this user can write. Everything is checked on the open descriptor, so nothing can be
 * exchanged between the check and the reading. The calls are synchronous inside: for one small file that is fastest.
 *
 * @returns the text, or `undefined` when there is no such file
 * @throws OAuthError `insecure_file_permissions` (not followed, not deleted, the message says how to fix it),
 *   `corrupt_file` (not UTF-8), `storage_unavailable`
 */
export async function readPrivate(path: string): Promise<string | undefined> {
  const file = locate(path);
  if (file === undefined) return undefined;
  const descriptor = openToRead(file);
  if (descriptor === undefined) return undefined;
  let bytes: Buffer;
  try {
    checkFile(file, fstatSync(descriptor));
    bytes = readFileSync(descriptor);
  } catch (error) {
    throw storageError(error, file);
  } finally {
    closeSync(descriptor);
  }
  if (!isUtf8(bytes)) throw new OAuthError('corrupt_file', `${file} is not UTF-8 text. Move it away.`);
  return bytes.toString('utf8');
}

function openToRead(file: string): number | undefined {
  try {
    if (process.platform === 'win32' && lstatSync(file).isSymbolicLink())
      throw insecure(file, 'is a symbolic link', 'Remove it.');
    return openSync(file, constants.O_RDONLY | NO_FOLLOW | NO_WAIT);
  } catch (error) {
    const name = errorName(error);
    if (name === 'ENOENT') return undefined;
    // ELOOP is how O_NOFOLLOW says no (EMLINK on FreeBSD); ENXIO is a socket.
    if (name === 'ELOOP' || name === 'EMLINK') throw insecure(file, 'is a symbolic link', 'Remove it.');
    if (name === 'ENXIO') throw insecure(file, 'is not a regular file', 'Move it away.');
    if (name === 'EACCES' || name === 'EPERM')
      throw insecure(file, 'is not readable by this user', `If it is yours, run: chmod 600 ${file}`);
    throw storageError(error, file);
  }
}

/**
 * A text that changes whenever the file is replaced or touched, for the price of one `lstat`; `undefined` when there is
 * no such file, or no way to it. Take it before reading: a change in between is then noticed the next time.
 */
export function fileVersion(path: string): string | undefined {
  try {
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return stats && [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join('.');
  } catch (error) {
    // Why there is no way to it is for the reading to tell.
    if (errorName(error) === undefined) throw error;
    return undefined;
  }
}
