export { DEFAULT_APP, userDirectory } from './directories.ts';
export { quarantine, readPrivateFiles, removePrivate, reservePrivate, withLock, writePrivate } from './lazy.ts';
export { toDirectoryError } from './foreign-directory.ts';
export type { FileLockOptions } from './lock.ts';
export { fileVersion, readPrivate } from './read.ts';
export type { ReplaceOptions } from './replace.ts';
export type { Reservation } from './reserve.ts';
export type { FileLock } from './sqlite.ts';
export { toStorageError } from './storage-error.ts';
