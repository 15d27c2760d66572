import { inspect } from 'node:util';
import { postgresStore, type PostgresPool, type PostgresStoreOptions } from '@oa/store-postgres';
import { describe, expect, it } from 'vitest';
import { holdReserved, isInstalled, KEY, TOKEN, usePostgres } from './setup.ts';
import { digestOfKey } from './table.ts';

const SECRETS = ['s3cret', 'planted-passw0rd', 'postgres://'];

describe('postgresStore', () => {
  const pool: PostgresPool = { connect: async () => Promise.reject(new Error('never')), on: () => undefined };

  it.for<[string, unknown, RegExp]>([
    ['no pool', {}, /^options\.pool must be a pool of pg: /],
    ['an address', { pool: 'postgres://localhost' }, /^options\.pool must be a pool of pg: /],
    ['a client that is no pool', { pool: { connect: () => undefined } }, /^options\.pool must be a pool of pg: /],
    ['a table that is no name', { pool, table: 'a;b' }, /^options\.table must be the name of a table, such as /],
    ['a timeout of 0', { pool, timeout: 0 }, /^options\.timeout must be a number of milliseconds /],
    ['a timeout that is too long', { pool, timeout: 600_001 }, /^options\.timeout must be a number of milliseconds /],
    ['a timeout that is no number', { pool, timeout: '5' }, /^options\.timeout must be a number of milliseconds /],
  ])('refuses %s', ([, options, message]) => {
    const call = (): unknown => postgresStore(options as PostgresStoreOptions);
    expect(call).toThrow(TypeError);
    expect(call).toThrow(message);
  });

  it('shows no secret', () => {
    const shown = inspect(postgresStore({ pool }), { depth: 10, showHidden: true });
    for (const secret of SECRETS) expect(shown).not.toContain(secret);
  });
});

describe.skipIf(!isInstalled)('postgresStore with an engine', () => {
  const fixture = usePostgres();

  it('lists the keys of more tokens than one page has, and no failure', async () => {
    const store = await fixture.open({ table: 'many' });
    const keys = Array.from({ length: 230 }, (_, index) => KEY.replace('"p"', `"p${index}"`));
    for (const key of keys) await store.set(key, TOKEN);
    await expect(store.lock(KEY, async () => Promise.reject(new Error('a bug')))).rejects.toThrow('a bug');
    const listed: string[] = [];
    for await (const key of store.keys()) listed.push(key);
    expect(listed.toSorted()).toEqual(keys.toSorted());
  });

  it('stores a token in its value only, and digests everywhere else', async () => {
    const store = await fixture.open({ table: 'dumped' });
    await store.set(KEY, TOKEN);
    const held = await holdReserved(store);
    const { rows } = await fixture.pool().query('select key_digest, version, reserved_at, reserved_by from dumped');
    expect(rows).toMatchObject([{ key_digest: digestOfKey(KEY) }]);
    const shown = JSON.stringify(rows);
    for (const text of ['s3cret', 'as.example', ...SECRETS]) expect(shown).not.toContain(text);
    await held.release?.();
    await held.end();
  });

  it('sends tokens as values of statements: no other session sees them in the activity of the engine', async () => {
    const store = await fixture.open({ table: 'watched' });
    await store.lock(KEY, async () => {
      await store.reserve(KEY);
      await store.set(KEY, TOKEN);
      const { rows } = await fixture.pool().query('select query from pg_stat_activity');
      expect(JSON.stringify(rows)).toContain('watched');
      expect(JSON.stringify(rows)).not.toContain('s3cret');
    });
  });

  it('leaves no row of a failure after a token is stored', async () => {
    const { OAuthError } = await import('@oa/types');
    const store = await fixture.open({ table: 'failed' });
    const busy = new OAuthError('http_error', 'The server is busy.', { retryable: true });
    await expect(store.lock(KEY, async () => Promise.reject(busy))).rejects.toBe(busy);
    const countRows = async (): Promise<number> => (await fixture.pool().query('select * from failed')).rows.length;
    await expect.poll(countRows, { timeout: 20_000 }).toBe(1);
    await store.lock(KEY, async () => store.set(KEY, TOKEN));
    expect(await countRows()).toBe(1);
    await store.delete(KEY);
    expect(await countRows()).toBe(0);
  });
});
