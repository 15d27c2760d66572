import { constants, mkdirSync } from 'node:fs';
import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { sleep } from '@oa/mechanisms';
import { OAuthError } from '@oa/types';
import { MAX_FILE_BYTES, NO_FOLLOW_FLAGS } from './check.ts';
import { toDirectoryError } from './foreign-directory.ts';
import { quotePath } from './message.ts';
import { removeOrphansHourly } from './orphans.ts';
import { randomBytes } from './random.ts';
import { assertNewFilePrivate, assertReplaceable, type ReplaceOptions } from './replace.ts';
import { resolvePrivatePath } from './resolve.ts';
import { isSystemError, toStorageError } from './storage-error.ts';
import { syncDirectory } from './sync.ts';

/** On Windows a virus scanner or an indexer can keep a file busy. The rename is repeated for this time. */
const MAX_BUSY_MS = 2000;
const BUSY_RETRY_MS = 20;

/** Implements `writePrivate`. */
export async function writeAtomically(path: string, text: string, options: ReplaceOptions): Promise<void> {
  const bytes = toBytes(path, text);
  const target = preparePath(path);
  assertReplaceable(target, options);
  const temporary = toTemporaryPath(target);
  let created = false;
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW_FLAGS;
    const handle = await open(temporary, flags, 0o600);
    created = true;
    await writeAndClose(handle, bytes, target);
    await renameBusy(temporary, target);
    await syncDirectory(dirname(target));
  } catch (error) {
    // If the temporary file can't be removed either, a later write does it. The first error is the one to report.
    if (created) await Promise.allSettled([unlink(temporary)]);
    throw toStorageError(error, target);
  }
  await removeOrphansHourly(target);
}

/** The bytes of `text`. Refuses more than `readPrivate` would read. */
export function toBytes(path: string, text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length > MAX_FILE_BYTES)
    throw new OAuthError(
      'storage_unavailable',
      `${quotePath(path)} would have ${bytes.length} bytes; ${MAX_FILE_BYTES} is the limit. Store less.`,
    );
  return bytes;
}

/** Creates the directory (mode 0700, with its parents) where it is missing, and resolves the real path of the file. */
export function preparePath(path: string): string {
  const found = resolvePrivatePath(path);
  if (found !== undefined) return found;
  const directory = dirname(path);
  try {
    createDirectories(directory);
  } catch (error) {
    throw toDirectoryError(error, directory);
  }
  const created = resolvePrivatePath(path);
  if (created === undefined)
    throw new OAuthError(
      'storage_unavailable',
      `${quotePath(directory)} is a symbolic link to a missing directory. Remove the link, or create the directory.`,
    );
  return created;
}

/** The `recursive` option of mkdir is not used: it reports a read-only file system as ENOENT. */
function createDirectories(directory: string): void {
  if (createDirectory(directory)) return;
  createDirectories(dirname(directory));
  createDirectory(directory);
}

/** @returns `false` if the parent is missing */
function createDirectory(directory: string): boolean {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    if (!isSystemError(error, 'EEXIST')) throw error; // Another process may create it at the same time.
  }
  return true;
}

async function writeAndClose(handle: FileHandle, bytes: Uint8Array, target: string): Promise<void> {
  try {
    assertNewFilePrivate(target, await handle.stat());
    await writeDurably(handle, bytes);
    if ((await handle.stat()).size !== bytes.length) throw Object.assign(new Error('short write'), { code: 'EIO' });
  } finally {
    await handle.close();
  }
}

/** Replaces the content, and waits until it is on the disk. The writing comes last: a process that is killed after it leaves a whole file. */
export async function writeDurably(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  await handle.truncate(bytes.length);
  for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at, bytes.length - at, at)).bytesWritten;
  await handle.sync();
}

/** Renames a finished temporary file to its target. The caller then syncs the directory. */
export async function renameBusy(temporary: string, target: string): Promise<void> {
  for (const started = performance.now(); ; await sleep(BUSY_RETRY_MS)) {
    try {
      await rename(temporary, target);
      break;
    } catch (error) {
      // Windows refuses while another process reads the target. A write in place instead could leave half a file.
      const busy = process.platform === 'win32' && isSystemError(error, 'EPERM', 'EACCES', 'EBUSY');
      if (!busy || performance.now() - started > MAX_BUSY_MS) throw error;
    }
  }
}

/** A path beside `target` with a name that can't be guessed. `removeOrphans` recognises it. */
export function toTemporaryPath(target: string): string {
  const random = randomBytes(9).toString('hex');
  return join(dirname(target), `.${basename(target)}.${random}.tmp`);
}
