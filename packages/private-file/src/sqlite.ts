import { accessSync, closeSync, constants, linkSync, lstatSync, openSync, rmSync, type BigIntStats } from 'node:fs';
import { dirname } from 'node:path';
import { OAuthError } from '@oa/types';
import { isNamed, insecure, NO_FOLLOW, storageError } from './check.ts';
import { temporaryName } from './write.ts';

/** A lock that the operating system frees when its holder dies. Made for one path; `acquire` tries once and never waits. */
export interface FileLock {
  /** Whether the lock is held now. Called again while somebody else has it. */
  acquire(): boolean | Promise<boolean>;
  /** Gives back whatever is held or open. Also called when nothing was acquired. */
  release(): void | Promise<void>;
}

type Database = InstanceType<typeof import('node:sqlite').DatabaseSync>;

const SQLITE_BUSY = 5;

/**
 * A write transaction on an empty database that is never written. The kernel ends it with the process, however that
 * ends. Nothing else may ever open the file in this process: closing it would drop the lock (POSIX fcntl).
 */
export function sqliteLock(path: string): FileLock {
  let database: Database | undefined;
  let opened: string | undefined;

  function release(): void {
    database?.close();
    database = undefined;
  }

  function acquire(): boolean {
    try {
      if (database === undefined) {
        opened = lockFile(path);
        database = new (loadSqlite().DatabaseSync)(path);
        // The default mode makes a journal file, which a full disk would refuse.
        database.exec('PRAGMA journal_mode=MEMORY');
      }
      database.exec('BEGIN IMMEDIATE');
    } catch (error) {
      if (isBusy(error)) return false;
      release();
      throw toStorageError(error, path);
    }
    // Somebody removed the file while we waited for it: others lock the new one by now.
    if (inode(path) === opened) return true;
    release();
    return false;
  }

  return { acquire, release };
}

/** Makes the lock file where it is missing, and tells which one it is. */
function lockFile(path: string): string {
  // On a read-only file system the transaction would begin, and exclude nobody.
  accessSync(dirname(path), constants.W_OK);
  let found = inode(path);
  if (found === undefined) {
    // Made under another name: to close it here could drop the lock of another thread that has opened it already.
    const temporary = temporaryName(path.replace(/\.lock$/, ''));
    closeSync(openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW, 0o600));
    try {
      linkSync(temporary, path);
    } catch (error) {
      if (!isNamed(error, 'EEXIST')) throw error;
    } finally {
      rmSync(temporary, { force: true });
    }
    found = inode(path);
  }
  accessSync(path, constants.W_OK);
  return found ?? '';
}

function inode(path: string): string | undefined {
  const stats: BigIntStats | undefined = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (!stats.isFile()) throw insecure(path, 'is not a regular file', 'Remove it.');
  if (process.platform !== 'win32' && (stats.mode & 0o022n) !== 0n)
    throw insecure(path, 'can be written by others', `Run: chmod 600 ${path}`);
  return `${stats.dev}.${stats.ino}`;
}

/** Loads `node:sqlite` without the warning that Node 22 prints for it, and leaves all other warnings alone. */
function loadSqlite(): typeof import('node:sqlite') {
  // oxlint-disable-next-line typescript/unbound-method -- it is put back as it was
  const { emitWarning } = process;
  process.emitWarning = (...warning: unknown[]): void => {
    if (warning[1] === 'ExperimentalWarning' && String(warning[0]).includes('SQLite')) return;
    Reflect.apply(emitWarning, process, warning);
  };
  try {
    const sqlite = process.getBuiltinModule('node:sqlite');
    if (sqlite === undefined)
      throw new OAuthError('storage_unavailable', 'This runtime has no node:sqlite. Use Node.js 22.13 or later.');
    return sqlite;
  } finally {
    process.emitWarning = emitWarning;
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY;
}

function toStorageError(error: unknown, path: string): unknown {
  if (error instanceof Error && 'errcode' in error)
    return new OAuthError(
      'storage_unavailable',
      `The lock ${path} can't be taken (SQLite error ${Number(error.errcode)}). Remove the file if it is not empty.`,
    );
  return storageError(error, path);
}
