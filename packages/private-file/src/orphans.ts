import { lstat, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setBounded } from '@oa/mechanisms';
import { attempt } from '@oa/types';
import { unlinkIfPresent } from './remove.ts';
import { isSystemError, toStorageError } from './storage-error.ts';

/** A name that `write.ts` gives a temporary file. */
const TEMPORARY_NAME = /^\..+\.[\da-f]{18}\.tmp$/;
/** A temporary file of this age has no writer any more. */
const MIN_ORPHAN_AGE_MS = 60 * 60 * 1000;

/** Only a killed writer leaves orphans, so a look an hour is enough. */
const ORPHAN_PAUSE_MS = 60 * 60 * 1000;
const MAX_CLEANED_DIRECTORIES = 1000;
/** When this process has last removed the orphans of a directory, by `performance.now`. */
const cleanedAt = new Map<string, number>();

/**
 * Removes the orphans in the directory of `target`, at most once an hour: reading a directory of 100,000 files for each of them would cost
 * more than the writes. It never rejects.
 */
export async function removeOrphansHourly(target: string): Promise<void> {
  const directory = dirname(target);
  const now = performance.now();
  if (now < (cleanedAt.get(directory) ?? Number.NEGATIVE_INFINITY) + ORPHAN_PAUSE_MS) return;
  setBounded(cleanedAt, directory, now, MAX_CLEANED_DIRECTORIES);
  // Orphans are no reason to refuse a lock or a write. The next one tries again.
  const removed = await attempt(removeOrphans(directory));
  if (!removed.ok) cleanedAt.delete(directory);
}

/** Removes the temporary files that killed writers left in `directory`. */
export async function removeOrphans(directory: string): Promise<void> {
  try {
    for (const name of await readdir(directory)) {
      if (!TEMPORARY_NAME.test(name)) continue;
      const stats = await lstat(join(directory, name));
      // No writer leaves a directory.
      if (stats.isFile() && Date.now() - stats.mtimeMs > MIN_ORPHAN_AGE_MS)
        await unlinkIfPresent(join(directory, name));
    }
  } catch (error) {
    // ENOENT: the writer was still running, and has just renamed the file.
    if (!isSystemError(error, 'ENOENT')) throw toStorageError(error, directory);
  }
}
