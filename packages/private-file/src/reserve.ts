import { constants } from 'node:fs';
import { open, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { checkFile, checkTarget, isNamed, insecure, NO_FOLLOW, NO_WAIT, storageError } from './check.ts';
import { unlinkIfPresent } from './remove.ts';
import { encode, fill, prepare, publish, syncDirectory, write } from './write.ts';

/** Room for any usual token; a file that is already larger gets twice its size. */
const LEAST_ROOM = 32 * 1024;

/** Room on the disk for the next version of a file, and the sign that one is being made. */
export interface Reservation {
  /** An earlier reservation was never finished: its process was killed in the middle. */
  readonly interrupted: boolean;
  /** Puts `text` into the reserved room and publishes it. */
  write(text: string): Promise<void>;
  /** Gives the room back. The sign of an interruption that was found stays until something is written. */
  release(): Promise<void>;
}

/** Behind `reservePrivate`. */
export async function reserve(path: string): Promise<Reservation> {
  const target = prepare(path);
  checkTarget(target);
  const pending = `${target}.pending`;
  const { handle, interrupted } = await openPending(pending);
  try {
    const size = (await stat(target).catch(absent))?.size ?? 0;
    await allocate(handle, Math.max(LEAST_ROOM, 2 * size));
    await syncDirectory(dirname(target));
  } catch (error) {
    await handle.close();
    if (!interrupted) await Promise.allSettled([unlink(pending)]);
    throw storageError(error, target);
  }
  return reservation(path, target, handle, interrupted);
}

function reservation(path: string, target: string, handle: FileHandle, interrupted: boolean): Reservation {
  const pending = `${target}.pending`;
  let open = true;
  let keep = interrupted;
  return {
    interrupted,
    async write(text) {
      const bytes = encode(path, text);
      checkTarget(target);
      open = false;
      // If this fails, what was to be written is known to nobody else: the sign has to stay.
      keep = true;
      try {
        await fill(handle, bytes);
        await publish(pending, target);
      } catch (error) {
        if (isNamed(error, 'ENOENT')) return write(path, text); // Somebody cleared the directory meanwhile.
        throw storageError(error, target);
      }
    },
    async release() {
      if (open) await handle.close();
      open = false;
      if (!keep) await unlinkIfPresent(pending);
    },
  };
}

/** The name is fixed and exclusive: it is also how the next holder of the lock learns of an interruption. */
async function openPending(pending: string): Promise<{ handle: FileHandle; interrupted: boolean }> {
  const flags = constants.O_WRONLY | NO_FOLLOW | NO_WAIT;
  try {
    return { handle: await open(pending, flags | constants.O_CREAT | constants.O_EXCL, 0o600), interrupted: false };
  } catch (error) {
    if (!isNamed(error, 'EEXIST')) throw storageError(error, pending);
  }
  let handle: FileHandle;
  try {
    handle = await open(pending, flags);
  } catch (error) {
    if (isNamed(error, 'ELOOP', 'EMLINK', 'ENXIO', 'EISDIR'))
      throw insecure(pending, 'is not a regular file', 'Remove it.');
    throw storageError(error, pending);
  }
  try {
    checkFile(pending, await handle.stat());
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { handle, interrupted: true };
}

/** Random bytes, because a file system that compresses would give little room to anything else. */
async function allocate(handle: FileHandle, size: number): Promise<void> {
  const block = crypto.getRandomValues(new Uint8Array(LEAST_ROOM));
  for (let at = 0; at < size;) at += (await handle.write(block, 0, Math.min(block.length, size - at), at)).bytesWritten;
  await handle.sync();
}

function absent(error: unknown): undefined {
  if (!isNamed(error, 'ENOENT')) throw error;
}
