import { lstatSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { OAuthError } from '@oa/types';
import { assertPrivateFile, expectedOwner, toOctal } from './check.ts';
import { hasModes, insecureFileError, quotePath } from './message.ts';
import { foreignFileError } from './owner.ts';
import { toStorageError } from './storage-error.ts';

/** What a write may replace. */
export interface ReplaceOptions {
  /**
   * Whether the write also replaces a file that `readPrivate` refuses because of its permissions, its links, its size or its type. The
   * file or link itself is replaced, never what it points to. A directory and a file of another user are not replaced.
   *
   * @default false
   */
  replaceRefused?: boolean | undefined;
}

/**
 * Checks the file that a write is about to replace.
 *
 * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable`
 */
export function assertReplaceable(path: string, { replaceRefused = false }: ReplaceOptions): void {
  let stats: Stats | undefined;
  try {
    stats = lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw toStorageError(error, path);
  }
  if (stats === undefined) return;
  if (!replaceRefused) return assertPrivateFile(path, stats);
  if (stats.isDirectory()) throw insecureFileError(path, 'is not a regular file', 'Move it away.');
  if (stats.uid !== expectedOwner(stats)) throw foreignFileError(path, stats.uid);
}

/**
 * Checks a new file before a secret is written into it. Some mounts (vfat, bindfs, network shares) ignore the mode that was asked for,
 * so other users could read the file, and every read would refuse it.
 *
 * @throws {OAuthError} `insecure_file_permissions`
 */
export function assertNewFilePrivate(path: string, stats: Stats): void {
  const isForeign = stats.uid !== expectedOwner(stats);
  if (!isForeign && (!hasModes() || (stats.mode & 0o077) === 0)) return;
  const found = isForeign ? `belongs to user ${stats.uid}` : `has mode ${toOctal(stats)} and is open to other users`;
  throw new OAuthError(
    'insecure_file_permissions',
    `The file system of ${quotePath(dirname(path))} ignores permissions: a new file ${found}, so nothing is stored there. ` +
      'Use another directory, or mount it for this user only (umask=077).',
  );
}
