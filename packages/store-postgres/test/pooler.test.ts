import { rejectionOf } from '@oa-internal/testing';
import { postgresStore } from '@oa/store-postgres';
import { describe, expect, it } from 'vitest';
import { findPgBouncer, startPgBouncer } from './pgbouncer.ts';
import { isInstalled, isInterrupted, KEY, TOKEN, usePostgres } from './setup.ts';

const program = findPgBouncer();

describe.skipIf(!isInstalled || program === undefined)('a pooler between the program and the engine', () => {
  const fixture = usePostgres();

  it.for([
    ['that nothing else uses', ['pool_mode = transaction']],
    ['that uses its sessions in turn', ['pool_mode = transaction', 'server_round_robin = 1', 'min_pool_size = 3']],
  ] as const)('is refused in transaction mode, before a lock is taken: one %s', async ([, settings]) => {
    await using pooler = await startPgBouncer(program ?? '', fixture.server, settings);
    const direct = await fixture.open();
    await direct.set(KEY, TOKEN);
    const pool = fixture.pool({ connectionString: pooler.connectionString });
    const store = postgresStore({ pool });
    let runs = 0;
    for (let turn = 0; turn < 3; turn += 1) {
      const error = await rejectionOf(store.lock(KEY, async () => (runs += 1)));
      expect(error).toMatchObject({ code: 'storage_unavailable', retryable: true });
      expect(error.message).toContain('(transaction mode)');
      expect(error.message).toContain('pool_mode = session');
    }
    expect(runs).toBe(0);
    const { rows } = await fixture.pool().query("select * from pg_locks where locktype = 'advisory'");
    expect(rows).toEqual([]);
    // What is stored can be read all the same.
    expect(await store.get(KEY)).toEqual(TOKEN);
  });

  it('is used in session mode, and looked at once for a connection', async () => {
    await using pooler = await startPgBouncer(program ?? '', fixture.server, ['pool_mode = session']);
    const direct = await fixture.open();
    await direct.set(KEY, TOKEN);
    const pool = fixture.pool({ connectionString: pooler.connectionString, max: 2 });
    const store = postgresStore({ pool });
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await isInterrupted(store)).toBe(false);
      await store.lock(KEY, async () => {
        await expect(direct.lock(KEY, async () => 'both', { timeout: 0 })).rejects.toMatchObject({
          code: 'lock_timeout',
        });
      });
    }
  });

  it('is looked for by a second connection where the driver does not say which process serves the first', async () => {
    await fixture.open();
    const pool = fixture.pool({ max: 2 });
    const silent = {
      on: pool.on.bind(pool),
      connect: async () => Object.assign(await pool.connect(), { processID: undefined }),
    };
    const store = postgresStore({ pool: silent });
    await store.set(KEY, TOKEN);
    expect(await isInterrupted(store)).toBe(false);
    expect(pool.totalCount).toBe(2);
  });

  it('that changes the session between the lock and the request is refused by reserve', async () => {
    await fixture.open();
    const pool = fixture.pool();
    // A session of the engine reports a process of its own after the first statements, as one behind a pooler does.
    const store = postgresStore({
      pool: {
        on: pool.on.bind(pool),
        async connect() {
          const client = await pool.connect();
          const query = client.query.bind(client) as (text: string, values?: unknown[]) => Promise<{ rows: object[] }>;
          return Object.assign(client, {
            async query(text: string, values?: unknown[]) {
              const result = await query(text, values);
              if (text.includes('reserved_by = $2')) for (const row of result.rows) Object.assign(row, { pid: '1' });
              return result;
            },
          });
        },
      },
    });
    await store.set(KEY, TOKEN);
    const error = await rejectionOf(store.lock(KEY, async () => store.reserve(KEY)));
    expect(error.message).toContain('(transaction mode)');
    // No request was sent.
    expect(await isInterrupted(await fixture.open())).toBe(false);
  });
});
