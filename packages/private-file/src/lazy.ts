/** The functions that write and lock, each behind a dynamic import: a process that only reads a token does not load them. */
import { createLoader } from '@oa/mechanisms';
import type { Result } from '@oa/types';
import type { FileLockOptions } from './lock.ts';
import type { ReplaceOptions } from './replace.ts';
import type { Reservation } from './reserve.ts';
import { withStorageErrors } from './storage-error.ts';

const loadReadFiles = createLoader(() => import('./read-files.ts'));
const loadWrite = createLoader(() => import('./write.ts'));
const loadReserve = createLoader(() => import('./reserve.ts'));
const loadRemove = createLoader(() => import('./remove.ts'));
const loadLock = createLoader(() => import('./lock.ts'));

/** A module is a file too: a process that has too many open files can't load it. */
const MODULE = 'A module of @oa/private-file';

/**
 * Reads several private files of one directory, one after the other, each as {@link readPrivate} does. The way to the directory is checked
 * once for all. The process does nothing else meanwhile: read some dozens at a time.
 *
 * @param directory absolute
 * @param names the names of the files
 * @returns for each name the text, `undefined` if there is no such file, or the error of `readPrivate`
 * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable` (of the directory)
 * @throws {TypeError} if `directory` is not absolute
 */
export async function readPrivateFiles(
  directory: string,
  names: readonly string[],
): Promise<Result<string | undefined>[]> {
  const { readFiles } = await withStorageErrors(MODULE, loadReadFiles());
  return readFiles(directory, names);
}

/**
 * Writes a private file (mode 0600, in a directory created with 0700), whole or not at all: readers see the old content or the
 * new one, also after a crash or a power cut. A file that {@link readPrivate} refuses is not replaced, unless `replaceRefused` is set. If
 * the write fails, the old content is intact.
 *
 * @param path absolute
 * @param text at most 1 MiB
 * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable` (such as a full disk or a text over 1 MiB)
 * @throws {TypeError} if `path` is not absolute
 * @example
 * ```ts
 * const path = join(userDirectory('config', 'my-tool'), 'state.json');
 * await writePrivate(path, JSON.stringify({ runs: 1 }));
 * ```
 */
export async function writePrivate(path: string, text: string, options: ReplaceOptions = {}): Promise<void> {
  const { writeAtomically } = await withStorageErrors(MODULE, loadWrite());
  await writeAtomically(path, text, options);
}

/**
 * Reserves 32 KiB of disk (or twice the present size, if that is more) for the next content of a file, as `<path>.pending`.
 * Call it with the lock of the file held, before a request whose answer must not be lost. All checks of the file are made here, so that only
 * the write can fail after the request. `interrupted` of the result says that an earlier holder did not finish: it was killed between its
 * reservation and its write, or it closed the reservation.
 *
 * @param path absolute
 * @throws {OAuthError} `storage_unavailable`, `insecure_file_permissions`
 * @throws {TypeError} if `path` is not absolute
 */
export async function reservePrivate(path: string, options: ReplaceOptions = {}): Promise<Reservation> {
  const { createReservation } = await withStorageErrors(MODULE, loadReserve());
  return createReservation(path, options);
}

/**
 * Removes a file and a reservation made for it. A missing file is no error. A symbolic link is removed, not followed.
 *
 * @param path absolute
 * @throws {OAuthError} `storage_unavailable`, `insecure_file_permissions` (of the directory)
 * @throws {TypeError} if `path` is not absolute
 */
export async function removePrivate(path: string): Promise<void> {
  const { removeDurably } = await withStorageErrors(MODULE, loadRemove());
  await removeDurably(path);
}

/**
 * Renames a damaged file to `<path>.corrupt-<time>`, so that its content is not lost when a new file is written. Call it with the
 * lock of the file held.
 *
 * @param path absolute
 * @returns the new path, or `undefined` if there was no file
 * @throws {OAuthError} `storage_unavailable`, `insecure_file_permissions` (of the directory)
 * @throws {TypeError} if `path` is not absolute
 */
export async function quarantine(path: string): Promise<string | undefined> {
  const { renameCorrupt } = await withStorageErrors(MODULE, loadRemove());
  return renameCorrupt(path);
}

/**
 * Runs `work` with the lock of `path` held. No other call with the same path runs at the same time, in this process or another.
 * The lock is `<path>.lock`, an empty file that is never removed. The kernel frees it when its holder ends. A live holder keeps
 * it, however slow it is; a call waits ten minutes for it by default. The lock is not reentrant: `work` must not take the lock of
 * the same path.
 *
 * Rejects with what `work` rejects with, and with the reason of `options.signal`.
 *
 * @param path absolute
 * @throws {OAuthError} `lock_timeout`, `storage_unavailable`, `insecure_file_permissions`
 * @throws {TypeError} if `path` is not absolute
 */
export async function withLock<T>(path: string, work: () => Promise<T>, options: FileLockOptions<T> = {}): Promise<T> {
  const { runLocked } = await withStorageErrors(MODULE, loadLock());
  return runLocked(path, work, options);
}
