export { userDirectory } from './directories.ts';
export { removePrivate, reservePrivate, setAside, withLock, writePrivate } from './lazy.ts';
export type { FileLockOptions } from './lock.ts';
export { fileVersion, readPrivate } from './read.ts';
export type { Reservation } from './reserve.ts';
export type { FileLock } from './sqlite.ts';
