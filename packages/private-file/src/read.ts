import { OAuthError } from '@oa/types';
import { assertOwnFile, assertPrivateFile, NO_FOLLOW_FLAGS, NO_WAIT_FLAGS } from './check.ts';
import { insecureFileError, quotePath } from './message.ts';
import { buffers, fs } from './node.ts';
import { resolvePrivatePath } from './resolve.ts';
import { systemErrorName, toStorageError } from './storage-error.ts';

const { closeSync, constants, fstatSync, lstatSync, openSync, readSync } = fs;

/**
 * Reads a private file: a regular file with one link, at most 1 MiB, that belongs to this user and is closed to other users, in
 * a directory that only this user can write, and that only this user and root can exchange. The checks look at the open
 * descriptor, so nothing can be exchanged between check and read. The calls inside are synchronous, which is fastest for one small file.
 *
 * A refused file is neither followed nor deleted. The message of the error says how to repair it. A file that can't be read at this
 * moment (too many open files, a device error) is `storage_unavailable` with `retryable`, and never counts as missing.
 *
 * @param path absolute
 * @param options `lenient`: return bytes that are not UTF-8 as U+FFFD, to save what is left of a damaged file
 * @returns the text, or `undefined` if there is no such file
 * @throws {OAuthError} `insecure_file_permissions`, `corrupt_file` (not UTF-8), `storage_unavailable`
 * @throws {TypeError} if `path` is not absolute
 */
export async function readPrivate(
  path: string,
  options: { lenient?: boolean | undefined } = {},
): Promise<string | undefined> {
  const file = resolvePrivatePath(path);
  return file === undefined ? undefined : readResolved(file, options.lenient);
}

/**
 * Reads a private file whose path was just resolved, as {@link readPrivate} does.
 *
 * @param room where the bytes of a small file are put. It saves an allocation for each of many files.
 * @throws {OAuthError} `insecure_file_permissions`, `corrupt_file`, `storage_unavailable`
 */
export function readResolved(file: string, lenient = false, room?: Buffer): string | undefined {
  const descriptor = openToRead(file);
  if (descriptor === undefined) return undefined;
  const bytes = readDescriptor(file, descriptor, room);
  if (!lenient && !buffers.isUtf8(bytes))
    throw new OAuthError('corrupt_file', `${quotePath(file)} is not UTF-8 text. Move it away.`);
  return bytes.toString('utf8');
}

function readDescriptor(file: string, descriptor: number, room: Buffer | undefined): Buffer {
  try {
    try {
      const stats = fstatSync(descriptor);
      assertPrivateFile(file, stats);
      return readBytes(descriptor, stats.size, room);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw toStorageError(error, file, true);
  }
}

/** The bytes of a file that are there. `readFileSync` would ask for the size once more. */
function readBytes(descriptor: number, size: number, room: Buffer | undefined): Buffer {
  const bytes = room !== undefined && size <= room.length ? room : Buffer.alloc(size);
  let length = 0;
  for (let read = -1; read !== 0 && length < size; length += read)
    read = readSync(descriptor, bytes, length, size - length, length);
  return bytes.subarray(0, length);
}

function openToRead(file: string): number | undefined {
  try {
    if (process.platform === 'win32' && lstatSync(file).isSymbolicLink())
      throw insecureFileError(file, 'is a symbolic link', 'Remove it.');
    return openSync(file, constants.O_RDONLY | NO_FOLLOW_FLAGS | NO_WAIT_FLAGS);
  } catch (error) {
    const name = systemErrorName(error);
    if (name === 'ENOENT') return undefined;
    // O_NOFOLLOW refuses with ELOOP, on FreeBSD with EMLINK. ENXIO is a socket.
    if (name === 'ELOOP' || name === 'EMLINK') throw insecureFileError(file, 'is a symbolic link', 'Remove it.');
    if (name === 'ENXIO') throw insecureFileError(file, 'is not a regular file', 'Move it away.');
    if (name === 'EACCES' || name === 'EPERM') {
      assertOwnFile(file);
      throw insecureFileError(file, 'is not readable by this user', `Run: chmod 600 ${quotePath(file)}`);
    }
    throw toStorageError(error, file, true);
  }
}

/**
 * Reads the version of a file: a text that changes when the file is replaced or touched, for the price of one `lstat`. Take it
 * before you read the file: a change in between is then noticed the next time.
 *
 * @returns `undefined` if there is no such file, or if it can't be reached
 * @throws {TypeError} if `path` is not a string
 */
export function fileVersion(path: string): string | undefined {
  try {
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return stats && [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join('.');
  } catch (error) {
    // `readPrivate` reports why the file can't be reached.
    if (toStorageError(error, path) === error) throw error;
    return undefined;
  }
}
