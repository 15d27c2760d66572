// What the tests share: one server a file, and stores that end with the test.
import { startPostgres, findPostgres, type PostgresOptions, type TestPostgres } from '@oa-internal/testing/postgres';
import { postgresStore, type PostgresStoreOptions } from '@oa/store-postgres';
import { tokenKey } from '@oa/token-cache';
import type { Token } from '@oa/types';
import { Pool, type PoolConfig } from 'pg';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { createTable } from './table.ts';

export const KEY = tokenKey({ issuer: 'https://as.example', grant_type: 'authorization_code', client_id: 'p' });
export const TOKEN: Token = { access_token: 'at-s3cret', token_type: 'Bearer', refresh_token: 'rt-s3cret' };
export const isInstalled = findPostgres() !== undefined;

type Store = ReturnType<typeof postgresStore>;

/** The server of a test file. */
export interface Fixture {
  server: TestPostgres;
  /** A pool that ends with the test. */
  pool: (options?: PoolConfig) => Pool;
  /** A store with the pool of a process of its own, on a table that exists. */
  open: (options?: Omit<PostgresStoreOptions, 'pool'>, poolOptions?: PoolConfig) => Promise<Store>;
}

/** Starts a server before the tests of a file, and ends it after them. */
export function usePostgres(options: PostgresOptions = {}): Fixture {
  const fixture = { pool, open } as Fixture;
  beforeAll(async () => {
    if (isInstalled) fixture.server = await startPostgres({ fsync: false, ...options });
  });
  afterAll(() => fixture.server?.[Symbol.asyncDispose]());

  function pool(more: PoolConfig = {}): Pool {
    const created = new Pool({ connectionString: fixture.server.connectionString, ...more });
    created.on('error', () => undefined);
    onTestFinished(() => endPool(created));
    return created;
  }

  async function open(more: Omit<PostgresStoreOptions, 'pool'> = {}, poolOptions: PoolConfig = {}): Promise<Store> {
    const own = pool(poolOptions);
    await createTable(own, more.table);
    return postgresStore({ pool: own, ...more });
  }

  return fixture;
}

/** A pool waits for connections that are checked out, and a store may hold one when a test fails. */
async function endPool(pool: Pool): Promise<void> {
  await Promise.race([pool.end(), new Promise((resolve) => setTimeout(resolve, 2000))]);
}

/** A lock that is held until `end`. */
export interface HeldLock {
  end: () => Promise<void>;
}

/** Takes the lock of the key, and leaves the sign of a request. */
export async function holdReserved(
  store: Store,
  key: string = KEY,
): Promise<HeldLock & Awaited<ReturnType<Store['reserve']>>> {
  const [started, ending] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const call = store.lock(key, () => (started.resolve(), ending.promise));
  await Promise.race([started.promise, call]);
  const reservation = await store.reserve(key);
  return { ...reservation, end: () => (ending.resolve(), call) };
}

/** Whether the next holder of the lock is told of an interruption. It leaves no sign itself. */
export async function isInterrupted(store: Store, timeout?: number): Promise<boolean> {
  const work = async (): Promise<boolean> => {
    const { interrupted, release } = await store.reserve(KEY);
    await release?.();
    return interrupted;
  };
  return store.lock(KEY, work, { timeout });
}
