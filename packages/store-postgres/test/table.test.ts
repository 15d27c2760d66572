import { tableStatement } from '@oa/store-postgres';
import { describe, expect, it } from 'vitest';
import { isInstalled, KEY, TOKEN, usePostgres } from './setup.ts';

describe('tableStatement', () => {
  it('quotes the name of the table, with or without its schema', () => {
    expect(tableStatement()).toMatch(/^create table if not exists "oa_tokens" \(/);
    expect(tableStatement('auth.Tokens_2')).toMatch(/^create table if not exists "auth"\."Tokens_2" \(/);
  });

  it.for([
    '',
    'a b',
    'oa_tokens; drop table users',
    'x"y',
    "x'y",
    'a.b.c',
    'a.',
    '.a',
    '1a',
    'tokens--',
    'ta\u0000ble',
    'ü',
    'a'.repeat(64),
  ])('refuses the name %j', (table) => {
    const call = (): string => tableStatement(table);
    expect(call).toThrow(TypeError);
    expect(call).toThrow(/^options\.table must be the name of a table, such as /);
  });

  it('refuses what is no text', () => {
    for (const table of [null, 7, ['a'], { toString: () => 'a' }])
      expect(() => tableStatement(table as unknown as string)).toThrow(TypeError);
  });
});

describe.skipIf(!isInstalled)('the table', () => {
  const fixture = usePostgres();

  it('can be in a schema, and have a name of upper case', async () => {
    await fixture.pool().query('create schema auth');
    const [store, other] = [await fixture.open({ table: 'auth.Tokens' }), await fixture.open({ table: 'auth.tokens' })];
    await store.set(KEY, TOKEN);
    expect(await other.get(KEY)).toBeUndefined();
    expect(await (await fixture.open({ table: 'auth.Tokens' })).get(KEY)).toEqual(TOKEN);
  });

  it('has one lock for a key, however its name is written', async () => {
    const [store, other] = [await fixture.open(), await fixture.open({ table: 'public.oa_tokens' })];
    await store.lock(KEY, async () => {
      const second = other.lock(KEY, async () => 'second', { timeout: 0 });
      await expect(second).rejects.toMatchObject({ code: 'lock_timeout' });
    });
  });

  it('is made by the statement once, and again without an error', async () => {
    const pool = fixture.pool();
    await pool.query(tableStatement('twice'));
    await pool.query(tableStatement('twice'));
    const { rows } = await pool.query(
      "select column_name from information_schema.columns where table_name = 'twice' order by ordinal_position",
    );
    expect(rows.map((row: { column_name: string }) => row.column_name)).toEqual([
      'key_digest',
      'value',
      'version',
      'reserved_at',
      'reserved_by',
    ]);
  });
});
