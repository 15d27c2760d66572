// An engine for the stores of these tests: a database file of node:sqlite that every process opens. It is away while a marker file exists.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { OAuthError } from '@oa/types';

const TABLES = `
  PRAGMA busy_timeout = 30000;
  PRAGMA synchronous = OFF;
  CREATE TABLE IF NOT EXISTS tokens (key TEXT PRIMARY KEY, token BLOB, sign INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE IF NOT EXISTS locks (key TEXT PRIMARY KEY, fence INTEGER NOT NULL, until REAL NOT NULL);
  CREATE TABLE IF NOT EXISTS failures (key TEXT PRIMARY KEY, number INTEGER NOT NULL, error TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS queue (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL);
`;

export interface Engine {
  /** Runs one statement and returns its rows. Throws `storage_unavailable` while the engine is away. */
  run: (statement: string, ...values: SQLInputValue[]) => Record<string, unknown>[];
  isAway: () => boolean;
  close: () => void;
}

export function openEngine(file: string): Engine {
  const database = new DatabaseSync(file);
  database.exec(TABLES);
  const isAway = (): boolean => existsSync(`${file}.away`);
  return {
    run(statement, ...values) {
      if (isAway()) throw new OAuthError('storage_unavailable', 'The engine is away. Try again.', { retryable: true });
      return database.prepare(statement).all(...values);
    },
    isAway,
    close: () => database.close(),
  };
}

/** Makes the engine unavailable until the returned function is called. All locks are lost. */
export async function killEngine(file: string): Promise<() => void> {
  openEngine(file).run('DELETE FROM locks');
  writeFileSync(`${file}.away`, '');
  return () => rmSync(`${file}.away`);
}
