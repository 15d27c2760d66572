/**
 * What writes and locks, each behind a dynamic import: a process that only reads a token never loads it.
 */
import type { FileLockOptions } from './lock.ts';
import type { Reservation } from './reserve.ts';

/**
 * Writes a file that is yours alone (0600, in a directory made with 0700), whole or not at all: readers and a power cut
 * see the old content or the new one, never a part. What {@link readPrivate} would refuse is not replaced.
 *
 * @throws OAuthError `insecure_file_permissions`, `storage_unavailable` (full disk, read-only, over 1 MiB); the old content is then intact
 */
export async function writePrivate(path: string, text: string): Promise<void> {
  const { write } = await import('./write.ts');
  await write(path, text);
}

/**
 * Takes 32 KiB of disk (twice the present size, if that is more) for the next content of a file, as `<path>.pending`:
 * to be called before a request whose answer must not be lost. Hold the lock of the file. `interrupted` says that an
 * earlier holder was killed after its reservation and before its write.
 *
 * @throws OAuthError `storage_unavailable`, `insecure_file_permissions`
 */
export async function reservePrivate(path: string): Promise<Reservation> {
  const { reserve } = await import('./reserve.ts');
  return reserve(path);
}

/**
 * Removes a file, and a reservation made for it. No error if there is none. A symbolic link is removed, not followed.
 *
 * @throws OAuthError `storage_unavailable`, `insecure_file_permissions` (of the directory)
 */
export async function removePrivate(path: string): Promise<void> {
  const { remove } = await import('./remove.ts');
  await remove(path);
}

/**
 * Renames a file that can't be used to `<path>.corrupt-<time>`, so that nothing in it is lost when a new one is written.
 * Hold the lock of the file.
 *
 * @returns the new path, or `undefined` when there was no file
 * @throws OAuthError `storage_unavailable`, `insecure_file_permissions` (of the directory)
 */
export async function setAside(path: string): Promise<string | undefined> {
  const { moveAside } = await import('./remove.ts');
  return moveAside(path);
}

/**
 * Runs `work` while nobody else, in this process or another, runs with the lock of `path`. The lock is `<path>.lock`, an
 * empty file that is never removed; the kernel frees it when its holder dies, and nobody takes it from a holder that
 * lives, however slow. Not reentrant: `work` must not ask for the lock of the same path.
 *
 * @param options.timeout milliseconds to wait; 0 tries once; unlimited unless given
 * @param options.signal ends the waiting, not the work
 * @throws OAuthError `lock_timeout`, `storage_unavailable`, `insecure_file_permissions`; the signal's reason; whatever `work` throws
 */
export async function withLock<T>(path: string, work: () => Promise<T>, options: FileLockOptions<T> = {}): Promise<T> {
  const { runLocked } = await import('./lock.ts');
  return runLocked(path, work, options);
}
