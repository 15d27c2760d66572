// The contract of shared stores, for PostgreSQL. contract.test.ts runs it with `node --test`.
import { after } from 'node:test';
import { startPostgres } from '@oa-internal/testing/postgres';
import { storeContract } from '@oa/store-contract';
import { postgresStore } from '@oa/store-postgres';
import { Pool } from 'pg';
import { createTable, digestOfKey } from './table.ts';

const ADDRESS = 'OA_CONTRACT_POSTGRES';

// The other processes of the contract use the server of this one. Its tests kill it, and durable commits would only slow them down.
const server = process.env[ADDRESS] === undefined ? await startPostgres({ fsync: false }) : undefined;
const connectionString = (process.env[ADDRESS] ??= server?.connectionString);
if (server !== undefined) after(() => server[Symbol.asyncDispose]());

storeContract({
  async open(name) {
    const pool = new Pool({ connectionString, max: 4 });
    await createTable(pool, name);
    return { store: postgresStore({ pool, table: name }), close: () => pool.end() };
  },
  async kill() {
    await server?.stop();
    return () => server?.start();
  },
  async corrupt(name, key) {
    const pool = new Pool({ connectionString });
    await pool.query(`update ${name} set value = left(value, 20) where key_digest = $1`, [digestOfKey(key)]);
    await pool.end();
  },
});
