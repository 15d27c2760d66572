import { lstat, readdir, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isNamed, locate, storageError } from './check.ts';
import { syncDirectory } from './write.ts';

/** Milliseconds after which a temporary file has no writer any more. */
const ABANDONED = 60 * 60 * 1000;

/** Behind `removePrivate`. */
export async function remove(path: string): Promise<void> {
  const target = locate(path);
  if (target === undefined) return;
  try {
    await unlinkIfPresent(target);
    await unlinkIfPresent(`${target}.pending`);
    await syncDirectory(dirname(target));
  } catch (error) {
    throw storageError(error, target);
  }
}

/** A symbolic link is removed itself, and a directory is not removed at all. */
export async function unlinkIfPresent(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isNamed(error, 'ENOENT')) throw error;
  }
}

/** Behind `setAside`. */
export async function moveAside(path: string): Promise<string | undefined> {
  const target = locate(path);
  if (target === undefined) return undefined;
  const aside = `${target}.corrupt-${Date.now()}`;
  try {
    await rename(target, aside);
    return aside;
  } catch (error) {
    if (isNamed(error, 'ENOENT')) return undefined;
    throw storageError(error, target);
  }
}

/** Removes what killed writers of `target` left behind. Called with its lock held. */
export async function sweep(target: string): Promise<void> {
  const directory = dirname(target);
  const prefix = `.${basename(target)}.`;
  try {
    for (const name of await readdir(directory)) {
      if (!name.startsWith(prefix) || !/^[\da-f]{18}\.tmp$/.test(name.slice(prefix.length))) continue;
      const stats = await lstat(join(directory, name));
      // A directory is nothing that a writer left.
      if (stats.isFile() && Date.now() - stats.mtimeMs > ABANDONED) await unlinkIfPresent(join(directory, name));
    }
  } catch (error) {
    // ENOENT: its writer was alive after all, and has just renamed it.
    if (!isNamed(error, 'ENOENT')) throw storageError(error, directory);
  }
}
