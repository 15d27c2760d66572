import { isUtf8 } from 'node:buffer';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { attempt } from '@oa/types';
import { assertOwnFile, assertPrivateFile, NO_FOLLOW_FLAGS, NO_WAIT_FLAGS } from './check.ts';
import { insecureFileError } from './message.ts';
import { randomBytes } from './random.ts';
import { unlinkIfPresent } from './remove.ts';
import { assertNewFilePrivate, type ReplaceOptions } from './replace.ts';
import { isSystemError, toStorageError, withStorageErrors } from './storage-error.ts';
import { syncDirectory } from './sync.ts';
import { renameBusy } from './write.ts';

const OPEN_FLAGS = constants.O_RDWR | NO_FOLLOW_FLAGS | NO_WAIT_FLAGS;
const BLOCK_BYTES: number = 32 * 1024;

/** The file of a reservation. */
interface PendingFile {
  handle: FileHandle;
  /** Whether an earlier holder of the lock has left it. */
  interrupted: boolean;
}

/**
 * Opens `<path>.pending`, and creates it where it is missing. The name is fixed and the creation exclusive: an existing file tells the
 * next holder of the lock about an interruption.
 */
export async function openPending(pending: string, { replaceRefused = false }: ReplaceOptions): Promise<PendingFile> {
  const created = await createPending(pending);
  if (created !== undefined) return { handle: created, interrupted: false };
  const found = await attempt(openExisting(pending));
  if (found.ok) return { handle: found.value ?? (await recreatePending(pending)), interrupted: true };
  if (!replaceRefused || found.error.retryable) throw found.error;
  return { handle: await recreatePending(pending), interrupted: true };
}

/** @returns `undefined` if the file exists */
async function createPending(pending: string): Promise<FileHandle | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(pending, OPEN_FLAGS | constants.O_CREAT | constants.O_EXCL, 0o600);
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return undefined;
    throw toStorageError(error, pending);
  }
  try {
    assertNewFilePrivate(pending, await handle.stat());
    return handle;
  } catch (error) {
    await Promise.allSettled([handle.close(), unlinkIfPresent(pending)]);
    throw toStorageError(error, pending);
  }
}

/** Removes a file that is not trusted, and creates a new one. */
async function recreatePending(pending: string): Promise<FileHandle> {
  await withStorageErrors(pending, unlinkIfPresent(pending));
  const created = await createPending(pending);
  if (created === undefined) throw insecureFileError(pending, 'was created by another program', 'Remove it.');
  return created;
}

/** @returns `undefined` if there is no such file */
async function openExisting(pending: string): Promise<FileHandle | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(pending, OPEN_FLAGS);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    if (isSystemError(error, 'ELOOP', 'EMLINK', 'ENXIO', 'EISDIR'))
      throw insecureFileError(pending, 'is not a regular file', 'Remove it.');
    if (isSystemError(error, 'EACCES', 'EPERM')) assertOwnFile(pending);
    throw toStorageError(error, pending);
  }
  try {
    assertPrivateFile(pending, await handle.stat());
    return handle;
  } catch (error) {
    await Promise.allSettled([handle.close()]);
    throw toStorageError(error, pending);
  }
}

/** Writes random bytes: a file system that compresses would reserve little room for anything else. */
export async function allocate(handle: FileHandle, size: number): Promise<void> {
  const block = randomBytes(BLOCK_BYTES);
  for (let at = 0; at < size;) at += (await handle.write(block, 0, Math.min(block.length, size - at), at)).bytesWritten;
  await handle.sync();
}

/**
 * Publishes the text that an earlier holder of the lock has left in `<target>.pending`, if it is whole. That holder had the answer of
 * its request, and was killed or refused before the rename.
 *
 * @param isWhole whether a text is a whole content of the file
 * @throws {OAuthError} `storage_unavailable`: the content of the file may be outdated, so it must not be used
 */
export async function adoptPending(
  target: string,
  isWhole: (text: string) => boolean | Promise<boolean>,
): Promise<void> {
  const pending = `${target}.pending`;
  const found = await attempt(openExisting(pending));
  // `reserve` reports a file that is not trusted.
  if (!found.ok && !found.error.retryable) return;
  if (!found.ok) throw found.error;
  const handle = found.value;
  if (handle === undefined) return;
  try {
    const bytes = await handle.readFile();
    if (!isUtf8(bytes) || !(await isWhole(bytes.toString('utf8')))) return;
    await handle.sync();
    await renameBusy(pending, target);
    await syncDirectory(dirname(target));
  } catch (error) {
    throw toStorageError(error, target);
  } finally {
    await Promise.allSettled([handle.close()]);
  }
}
