import { constants, mkdirSync } from 'node:fs';
import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OAuthError } from '@oa/types';
import { checkTarget, isNamed, LARGEST_FILE, locate, NO_FOLLOW, storageError } from './check.ts';

/** Milliseconds for which a virus scanner or an indexer may keep a file busy on Windows. */
const BUSY = 2000;

/** Behind `writePrivate`. */
export async function write(path: string, text: string): Promise<void> {
  const bytes = encode(path, text);
  const target = prepare(path);
  checkTarget(target);
  const temporary = temporaryName(target);
  let created = false;
  try {
    const handle = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW, 0o600);
    created = true;
    await fill(handle, bytes);
    await publish(temporary, target);
  } catch (error) {
    // A file that can't be removed either is left to the sweep: the first error is the one to tell.
    if (created) await Promise.allSettled([unlink(temporary)]);
    throw storageError(error, target);
  }
}

/** The bytes of `text`, if `readPrivate` would take them back. */
export function encode(path: string, text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length > LARGEST_FILE)
    throw new OAuthError(
      'storage_unavailable',
      `${path} would have ${bytes.length} bytes; ${LARGEST_FILE} is the limit.`,
    );
  return bytes;
}

/** Makes the directory (0700, with its parents) where it is missing, and tells where `path` really is. */
export function prepare(path: string): string {
  const found = locate(path);
  if (found !== undefined) return found;
  const directory = dirname(path);
  try {
    makeDirectory(directory);
  } catch (error) {
    throw storageError(error, directory);
  }
  const made = locate(path);
  if (made === undefined)
    throw new OAuthError(
      'storage_unavailable',
      `${directory} is a symbolic link to nothing. Remove it, or make what it names.`,
    );
  return made;
}

/** Not mkdir's own recursion: that calls a read-only file system ENOENT. */
function makeDirectory(directory: string): void {
  if (tryDirectory(directory)) return;
  makeDirectory(dirname(directory));
  tryDirectory(directory);
}

/** `false` when a parent is missing. */
function tryDirectory(directory: string): boolean {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (isNamed(error, 'ENOENT')) return false;
    if (!isNamed(error, 'EEXIST')) throw error; // Another process may be making it too.
  }
  return true;
}

/** Replaces the content, makes sure that it is all there and on the disk, and closes. */
export async function fill(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at, bytes.length - at, at)).bytesWritten;
    await handle.truncate(bytes.length);
    if ((await handle.stat()).size !== bytes.length) throw Object.assign(new Error('short write'), { code: 'EIO' });
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Puts a finished temporary file in its place. After this a power cut brings nothing old back. */
export async function publish(temporary: string, target: string): Promise<void> {
  for (const started = performance.now(); ; await sleep(20)) {
    try {
      await rename(temporary, target);
      break;
    } catch (error) {
      // Windows refuses while somebody reads the target. Writing in place instead could leave half a file.
      const busy = process.platform === 'win32' && isNamed(error, 'EPERM', 'EACCES', 'EBUSY');
      if (!busy || performance.now() - started > BUSY) throw error;
    }
  }
  await syncDirectory(dirname(target));
}

/** Makes names durable. Windows does not open directories; some network file systems do not sync them. */
export async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, constants.O_RDONLY);
  try {
    await handle.sync();
  } catch (error) {
    if (!isNamed(error, 'EINVAL', 'ENOTSUP')) throw error;
  } finally {
    await handle.close();
  }
}

/** A name beside `target` that can't be guessed, and that the sweep recognises. */
export function temporaryName(target: string): string {
  const random = Buffer.from(crypto.getRandomValues(new Uint8Array(9))).toString('hex');
  return join(dirname(target), `.${basename(target)}.${random}.tmp`);
}
