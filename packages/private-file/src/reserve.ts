import { lstat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isOAuthError } from '@oa/types';
import { MAX_FILE_BYTES } from './check.ts';
import { allocate, openPending } from './pending.ts';
import { unlinkIfPresent } from './remove.ts';
import { assertReplaceable, type ReplaceOptions } from './replace.ts';
import { isSystemError, toStorageError, withStorageErrors } from './storage-error.ts';
import { openDirectory, syncOpenDirectory } from './sync.ts';
import { preparePath, renameBusy, toBytes, writeAtomically, writeDurably } from './write.ts';

/** Room for any usual token. For a file that is larger already, twice its size is reserved. */
const MIN_RESERVED_BYTES: number = 32 * 1024;

/** Room on the disk for the next version of a file, and the sign that this version is being made. */
export interface Reservation {
  /** Whether an earlier reservation was never finished: its process was killed, or did not learn the outcome of its request. */
  readonly interrupted: boolean;
  /**
   * Writes `text` into the reserved room and publishes it as the content of the file. If that fails, `text` is written as `writePrivate`
   * does. If that fails too, the sign stays.
   *
   * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable`
   */
  write(text: string): Promise<void>;
  /**
   * Gives the room back. The sign of an earlier interruption, or of a write that failed, stays until a write succeeds.
   *
   * @throws {OAuthError} `storage_unavailable`
   */
  release(): Promise<void>;
  /** Ends the reservation. Its sign stays, unless it was written or released. Never rejects. */
  close(): Promise<void>;
}

/** Where a reservation is, and what it has open. */
interface Room {
  path: string;
  target: string;
  pending: string;
  handle: FileHandle;
  /** The directory. It is opened before the request: the process may have no free descriptor after it. */
  parent: FileHandle | undefined;
  options: ReplaceOptions;
}

/** Implements `reservePrivate`. */
export async function createReservation(path: string, options: ReplaceOptions): Promise<Reservation> {
  const target = preparePath(path);
  assertReplaceable(target, options);
  const pending = `${target}.pending`;
  const { handle, interrupted } = await openPending(pending, options);
  let parent: FileHandle | undefined;
  try {
    parent = await openDirectory(dirname(target));
    const size = (await lstat(target).catch(ignoreMissing))?.size ?? 0;
    await allocate(handle, Math.max(MIN_RESERVED_BYTES, Math.min(2 * size, MAX_FILE_BYTES)));
    await syncOpenDirectory(parent);
  } catch (error) {
    await Promise.allSettled([handle.close(), parent?.close()]);
    if (!interrupted) await Promise.allSettled([unlink(pending)]);
    throw toStorageError(error, target);
  }
  return toReservation({ path, target, pending, handle, parent, options }, interrupted);
}

function toReservation(room: Room, interrupted: boolean): Reservation {
  let isOpen = true;
  let keepSign = interrupted;
  async function close(): Promise<void> {
    if (!isOpen) return;
    isOpen = false;
    // What was written is on the disk already.
    await Promise.allSettled([room.handle.close(), room.parent?.close()]);
  }
  return {
    interrupted,
    async write(text) {
      try {
        const bytes = toBytes(room.path, text);
        // If the write fails, the new content is lost: the next holder must find the sign.
        keepSign = true;
        await writeRoom(room, text, bytes);
      } finally {
        await close();
      }
    },
    async release() {
      await close();
      if (!keepSign) await withStorageErrors(room.pending, unlinkIfPresent(room.pending));
    },
    close,
  };
}

/** Between the answer of a server and the rename there are three calls: everything else was done before the request. */
async function writeRoom(room: Room, text: string, bytes: Uint8Array): Promise<void> {
  const { path, target, pending, handle, parent, options } = room;
  try {
    await writeDurably(handle, bytes);
    await renameBusy(pending, target);
  } catch (error) {
    await writeInstead(path, text, options, toStorageError(error, target));
    // The old room is of no use any more. A whole text in it is the one that was written.
    await Promise.allSettled([unlink(pending)]);
    return;
  }
  await withStorageErrors(target, syncOpenDirectory(parent));
}

/** The room could not be used: a file call failed, or the directory was cleared or exchanged meanwhile. */
async function writeInstead(path: string, text: string, options: ReplaceOptions, failure: unknown): Promise<void> {
  if (!isOAuthError(failure)) throw failure;
  await writeAtomically(path, text, options);
}

function ignoreMissing(error: unknown): undefined {
  if (!isSystemError(error, 'ENOENT')) throw error;
}
