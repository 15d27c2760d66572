import { lstat, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setBounded } from '@oa/mechanisms';
import { attempt } from '@oa/types';
import { unlinkIfPresent } from './remove.ts';
import { isSystemError, toStorageError } from './storage-error.ts';

/** A temporary file of this age has no writer any more. */
const MIN_ORPHAN_AGE_MS = 60 * 60 * 1000;

const MAX_CLEANED_PATHS = 10_000;
/** Files whose orphans this process has removed. Once is enough: only a killed writer leaves orphans. */
const cleaned = new Map<string, true>();

/** Removes the orphans of `target` when this process first locks or writes it. It never rejects. */
export async function removeOrphansOnce(target: string): Promise<void> {
  if (cleaned.has(target)) return;
  const removed = await attempt(removeOrphans(target));
  // Orphans are no reason to refuse a lock or a write. The next one tries again.
  if (removed.ok) setBounded(cleaned, target, true, MAX_CLEANED_PATHS);
}

/** Removes the temporary files that killed writers of `target` left. */
export async function removeOrphans(target: string): Promise<void> {
  const directory = dirname(target);
  const prefix = `.${basename(target)}.`;
  try {
    for (const name of await readdir(directory)) {
      if (!name.startsWith(prefix) || !/^[\da-f]{18}\.tmp$/.test(name.slice(prefix.length))) continue;
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
