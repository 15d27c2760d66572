import { lstatSync } from 'node:fs';
import { rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { resolvePrivatePath } from './resolve.ts';
import { isSystemError, toStorageError } from './storage-error.ts';
import { syncDirectory } from './sync.ts';

/** Implements `removePrivate`. */
export async function removeDurably(path: string): Promise<void> {
  const target = resolvePrivatePath(path);
  if (target === undefined) return;
  const directory = dirname(target);
  // The pending file first: with it alone, the next holder of the lock would bring the content back.
  const removed = await Promise.allSettled([unlinkIfPresent(`${target}.pending`)]);
  removed.push(...(await Promise.allSettled([unlinkIfPresent(target)])));
  removed.push(...(await Promise.allSettled([syncDirectory(directory)])));
  const failed = removed.find((step) => step.status === 'rejected');
  if (failed !== undefined) throw toStorageError(failed.reason, target);
}

/** Removes a file or a symbolic link, not what the link points to, and no directory. */
export async function unlinkIfPresent(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    // A read-only file system refuses before it looks for the file.
    const isMissing = isSystemError(error, 'EROFS') && lstatSync(path, { throwIfNoEntry: false }) === undefined;
    if (!isSystemError(error, 'ENOENT') && !isMissing) throw error;
  }
}

/** Implements `quarantine`. */
export async function renameCorrupt(path: string): Promise<string | undefined> {
  const target = resolvePrivatePath(path);
  if (target === undefined) return undefined;
  const renamed = `${target}.corrupt-${Date.now()}`;
  try {
    await rename(target, renamed);
    return renamed;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw toStorageError(error, target);
  }
}
