import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { isSystemError } from './storage-error.ts';

/** Makes the names in a directory durable: a power cut does not bring an old content back. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await openDirectory(directory);
  try {
    await syncOpenDirectory(handle);
  } finally {
    await handle?.close();
  }
}

/** @returns `undefined` on Windows, which does not open directories */
export async function openDirectory(directory: string): Promise<FileHandle | undefined> {
  return process.platform === 'win32' ? undefined : open(directory, constants.O_RDONLY);
}

/** Some network file systems do not sync directories. */
export async function syncOpenDirectory(handle: FileHandle | undefined): Promise<void> {
  try {
    await handle?.sync();
  } catch (error) {
    if (!isSystemError(error, 'EINVAL', 'ENOTSUP')) throw error;
  }
}
