import { constants } from 'node:fs';
import { open, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  assertPrivateFile,
  assertReplaceable,
  insecureFileError,
  isSystemError,
  NO_FOLLOW_FLAGS,
  NO_WAIT_FLAGS,
  toStorageError,
} from './check.ts';
import { unlinkIfPresent } from './remove.ts';
import { preparePath, renameDurably, syncDirectory, toBytes, writeAtomically, writeDurably } from './write.ts';

/** Room for any usual token. For a file that is larger already, twice its size is reserved. */
const MIN_RESERVED_BYTES: number = 32 * 1024;

/** Room on the disk for the next version of a file, and the sign that this version is being made. */
export interface Reservation {
  /** Whether an earlier reservation was never finished, because its process was killed before the write. */
  readonly interrupted: boolean;
  /**
   * Writes `text` into the reserved room and publishes it as the content of the file.
   *
   * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable`
   */
  write(text: string): Promise<void>;
  /**
   * Gives the room back. The sign of an earlier interruption stays until a write succeeds.
   *
   * @throws {OAuthError} `storage_unavailable`
   */
  release(): Promise<void>;
}

/** Implements `reservePrivate`. */
export async function createReservation(path: string): Promise<Reservation> {
  const target = preparePath(path);
  assertReplaceable(target);
  const pending = `${target}.pending`;
  const { handle, interrupted } = await openPending(pending);
  try {
    const size = (await stat(target).catch(ignoreMissing))?.size ?? 0;
    await allocate(handle, Math.max(MIN_RESERVED_BYTES, 2 * size));
    await syncDirectory(dirname(target));
  } catch (error) {
    await handle.close();
    if (!interrupted) await Promise.allSettled([unlink(pending)]);
    throw toStorageError(error, target);
  }
  return toReservation(path, target, handle, interrupted);
}

function toReservation(path: string, target: string, handle: FileHandle, interrupted: boolean): Reservation {
  const pending = `${target}.pending`;
  let open = true;
  let keepSign = interrupted;
  return {
    interrupted,
    async write(text) {
      const bytes = toBytes(path, text);
      assertReplaceable(target);
      open = false;
      // If the write fails, the new content is lost: the next holder must find the sign.
      keepSign = true;
      try {
        await writeDurably(handle, bytes);
        await renameDurably(pending, target);
      } catch (error) {
        if (isSystemError(error, 'ENOENT')) return writeAtomically(path, text); // The directory was cleared meanwhile.
        throw toStorageError(error, target);
      }
    },
    async release() {
      try {
        if (open) await handle.close();
        open = false;
        if (!keepSign) await unlinkIfPresent(pending);
      } catch (error) {
        throw toStorageError(error, pending);
      }
    },
  };
}

/** The name is fixed and opened exclusively: an existing file tells the next holder of the lock about an interruption. */
async function openPending(pending: string): Promise<{ handle: FileHandle; interrupted: boolean }> {
  const flags = constants.O_WRONLY | NO_FOLLOW_FLAGS | NO_WAIT_FLAGS;
  try {
    return { handle: await open(pending, flags | constants.O_CREAT | constants.O_EXCL, 0o600), interrupted: false };
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw toStorageError(error, pending);
  }
  let handle: FileHandle;
  try {
    handle = await open(pending, flags);
  } catch (error) {
    if (isSystemError(error, 'ELOOP', 'EMLINK', 'ENXIO', 'EISDIR'))
      throw insecureFileError(pending, 'is not a regular file', 'Remove it.');
    throw toStorageError(error, pending);
  }
  try {
    assertPrivateFile(pending, await handle.stat());
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { handle, interrupted: true };
}

/** Writes random bytes: a file system that compresses would reserve little room for anything else. */
async function allocate(handle: FileHandle, size: number): Promise<void> {
  const block = crypto.getRandomValues(new Uint8Array(MIN_RESERVED_BYTES));
  for (let at = 0; at < size;) at += (await handle.write(block, 0, Math.min(block.length, size - at), at)).bytesWritten;
  await handle.sync();
}

function ignoreMissing(error: unknown): undefined {
  if (!isSystemError(error, 'ENOENT')) throw error;
}
