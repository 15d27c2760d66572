import { closeSync, constants, fstatSync, linkSync, openSync, unlinkSync } from 'node:fs';
import { NO_FOLLOW_FLAGS } from './check.ts';
import { assertNewFilePrivate } from './replace.ts';
import { isSystemError } from './storage-error.ts';
import { toTemporaryPath } from './write.ts';

const CREATE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW_FLAGS;

/**
 * Creates an empty lock file. It is created under another name and linked, because a file must not be closed under the name of the lock:
 * that would release the lock of another thread that has already opened it (POSIX fcntl).
 */
export function createLockFile(path: string): void {
  const temporary = toTemporaryPath(path.replace(/\.lock$/, ''));
  const descriptor = openSync(temporary, CREATE_FLAGS, 0o600);
  try {
    try {
      assertNewFilePrivate(path, fstatSync(descriptor));
    } finally {
      closeSync(descriptor);
    }
    linkSync(temporary, path);
  } catch (error) {
    if (isLinkRefused(error)) createUnlinked(path);
    else if (!isSystemError(error, 'EEXIST')) throw error;
  } finally {
    removeTemporary(temporary);
  }
}

/** The file system has no hard links (vfat, exFAT, some network shares), or the system forbids them (Android). */
function isLinkRefused(error: unknown): boolean {
  return isSystemError(error, 'EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL', 'EXDEV');
}

/** The descriptor stays open until the process ends, which releases all its locks in any case. */
function createUnlinked(path: string): void {
  try {
    openSync(path, CREATE_FLAGS, 0o600);
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw error;
  }
}

function removeTemporary(temporary: string): void {
  try {
    unlinkSync(temporary);
  } catch {
    // What stays is removed later, as the orphan of a killed writer.
  }
}
