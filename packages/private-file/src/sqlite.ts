import { accessSync, constants, lstatSync, type BigIntStats } from 'node:fs';
import { dirname } from 'node:path';
import { OAuthError } from '@oa/types';
import { assertClosedFile } from './check.ts';
import { createLockFile } from './lock-file.ts';
import { quotePath } from './message.ts';
import { toStorageError } from './storage-error.ts';

/** A lock that the operating system frees when its holder ends. It is made for one path. */
export interface FileLock {
  /**
   * Tries once to take the lock, without waiting. Called again while another process holds it.
   *
   * @returns whether the lock is held now
   * @throws {OAuthError} `storage_unavailable`, `insecure_file_permissions`
   */
  acquire(): boolean | Promise<boolean>;
  /** Releases what is held or open. Also called when nothing was acquired. Never rejects. */
  release(): void | Promise<void>;
}

type Database = InstanceType<typeof import('node:sqlite').DatabaseSync>;

const SQLITE_BUSY_CODE = 5;

/**
 * Creates a lock that is a write transaction on an empty database. Nothing is ever written to the database. The kernel ends the
 * transaction with the process, however the process ends. Nothing else in this process may open the file: closing it would
 * release the lock (POSIX fcntl).
 */
export function createSqliteLock(path: string): FileLock {
  let database: Database | undefined;
  let opened: string | undefined;

  function release(): void {
    database?.close();
    database = undefined;
  }

  function acquire(): boolean {
    try {
      if (database === undefined) {
        opened = prepareLockFile(path);
        database = new (loadSqlite().DatabaseSync)(path);
        // The default mode makes a journal file, which a full disk would refuse.
        database.exec('PRAGMA journal_mode=MEMORY');
      }
      database.exec('BEGIN IMMEDIATE');
      // If the file was removed during the wait, other processes lock the new file by now.
      if (readInode(path) === opened) return true;
    } catch (error) {
      if (isBusyError(error)) return false;
      release();
      throw toLockError(error, path);
    }
    release();
    return false;
  }

  return { acquire, release };
}

/** Creates the lock file where it is missing. Returns its identity. */
function prepareLockFile(path: string): string {
  // On a read-only file system the transaction would begin, but would not exclude other processes.
  accessSync(dirname(path), constants.W_OK);
  if (readInode(path) === undefined) createLockFile(path);
  // Another user who can open the file, if only to read it, can lock a part of it, and the holder would wait.
  assertClosedFile(path, lstatSync(path));
  accessSync(path, constants.W_OK);
  return toInode(lstatSync(path, { bigint: true }));
}

function readInode(path: string): string | undefined {
  const stats: BigIntStats | undefined = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && toInode(stats);
}

function toInode({ dev, ino }: BigIntStats): string {
  return `${dev}.${ino}`;
}

/** Loads `node:sqlite` without the warning that Node.js 22 prints for it. All other warnings pass. */
function loadSqlite(): typeof import('node:sqlite') {
  // oxlint-disable-next-line typescript/unbound-method -- it is restored below
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

function isBusyError(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY_CODE;
}

function toLockError(error: unknown, path: string): unknown {
  if (error instanceof Error && 'errcode' in error)
    return new OAuthError(
      'storage_unavailable',
      `The lock ${quotePath(path)} can't be taken (SQLite error ${Number(error.errcode)}). Remove the file if it is not empty.`,
    );
  return toStorageError(error, path);
}
