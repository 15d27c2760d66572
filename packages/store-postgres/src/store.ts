import { createSharedStore, type SharedStore } from '@oa/shared-store';
import type { KeySource } from '@oa/types';
import { createConnector } from './connection.ts';
import { createPostgresEngine } from './engine.ts';
import type { PostgresClient, PostgresPool } from './pool.ts';
import { parseTableName } from './table.ts';

/** Where a {@link postgresStore} keeps tokens. */
export interface PostgresStoreOptions {
  /** A `Pool` of `pg`. The store holds one connection of it while this process refreshes tokens. */
  pool: PostgresPool;
  /**
   * The table, with or without its schema.
   *
   * @default 'oa_tokens'
   */
  table?: string | undefined;
  /** Encrypts the tokens. What they are for stays readable. */
  encryption?: KeySource | undefined;
  /**
   * Milliseconds to wait for a connection of the pool, and for the answer to a statement.
   *
   * @default 5_000
   */
  timeout?: number | undefined;
}

const DEFAULT_ENGINE_TIMEOUT_MS = 5000;
const MAX_ENGINE_TIMEOUT_MS = 600_000;

/**
 * Creates a store of tokens in PostgreSQL that all replicas of a program share. The option `cache` of the manager takes it.
 *
 * The lock of a key is an advisory lock of a session, so it ends when its process or its machine ends, and only then. A refresh token is
 * sent once: never without the lock, and never while another process that is alive sends it. An idle connection of the pool that breaks
 * does not end the program.
 *
 * - A token that this process has read within the last second is returned without a look at the database.
 * - Where the database is away, a token that this process has read and that is still valid is returned. All else is `storage_unavailable`
 *   with `retryable`.
 *
 * @throws {TypeError} if an option is wrong
 * @example
 * const cache = postgresStore({ pool: new Pool() });
 * const manager = createManager({ app: 'my-service', cache });
 */
export function postgresStore(options: PostgresStoreOptions): SharedStore {
  const { pool, encryption, timeout = DEFAULT_ENGINE_TIMEOUT_MS } = options;
  const table = parseTableName(options.table);
  if (typeof pool?.connect !== 'function' || typeof pool.on !== 'function')
    throw new TypeError('options.pool must be a pool of pg: new Pool({ connectionString }).');
  if (!(typeof timeout === 'number' && timeout > 0 && timeout <= MAX_ENGINE_TIMEOUT_MS))
    throw new TypeError(`options.timeout must be a number of milliseconds from 1 to ${MAX_ENGINE_TIMEOUT_MS}.`);
  ignoreLostConnections(pool);
  const engine = createPostgresEngine(createConnector(pool, table, timeout));
  return createSharedStore(engine, { encryption, place: `the table ${table.shown}` });
}

const listened = new WeakSet<object>();

/**
 * Keeps a connection that the engine ends from ending the program, as an error without a listener does. The pool makes another one. Between
 * the pool, which stops to listen, and the caller that it gives the connection to, no other code would listen.
 */
function ignoreLostConnections(pool: PostgresPool): void {
  listenOnce(pool);
  pool.on('acquire', listenOnce);
}

function listenOnce(from: PostgresPool | PostgresClient): void {
  if (listened.has(from)) return;
  listened.add(from);
  from.on('error', () => undefined);
}
