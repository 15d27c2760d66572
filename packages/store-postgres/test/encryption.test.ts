import type { KeySource } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { isInstalled, KEY, TOKEN, usePostgres } from './setup.ts';
import { digestOfKey } from './table.ts';

const OTHER_KEY = KEY.replace('"p"', '"q"');

function keyOf(byte: number, id = 'key-1'): KeySource {
  return { id, key: async () => new Uint8Array(32).fill(byte) };
}

describe.skipIf(!isInstalled)('a store with encryption', () => {
  const fixture = usePostgres();

  it('has no token in its table, and reads it with the same key only', async () => {
    const encryption = keyOf(1);
    const store = await fixture.open({ encryption });
    await store.lock(KEY, async () => {
      await store.reserve(KEY);
      await store.set(KEY, TOKEN);
    });
    const { rows } = await fixture.pool().query('select * from oa_tokens');
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain('s3cret');
    expect(await (await fixture.open({ encryption })).get(KEY)).toEqual(TOKEN);
    const listed: string[] = [];
    for await (const key of store.keys()) listed.push(key);
    expect(listed).toEqual([KEY]);
    for (const other of [keyOf(2), keyOf(1, 'key-2'), undefined])
      await expect(Promise.resolve((await fixture.open({ encryption: other })).get(KEY))).rejects.toMatchObject({
        code: 'decryption_failed',
      });
  });

  it('does not take the value of one row for that of another', async () => {
    const encryption = keyOf(1);
    const store = await fixture.open({ encryption });
    await store.set(KEY, TOKEN);
    await store.set(OTHER_KEY, { ...TOKEN, access_token: 'other' });
    await fixture
      .pool()
      .query(
        'update oa_tokens set value = swapped.value from oa_tokens as swapped where oa_tokens.key_digest <> swapped.key_digest',
      );
    const reader = await fixture.open({ encryption });
    for (const key of [KEY, OTHER_KEY]) {
      const token = await Promise.resolve(reader.get(key)).catch((error: unknown) => error);
      expect(token === undefined || (token as { code?: string }).code === 'decryption_failed').toBe(true);
    }
  });

  it('does not take a value for another that says of itself to be in its row', async () => {
    const encryption = keyOf(1);
    const store = await fixture.open({ encryption });
    await store.set(KEY, TOKEN);
    await fixture
      .pool()
      .query('update oa_tokens set value = replace(value, \'"p"\', \'"q"\'), key_digest = $2 where key_digest = $1', [
        digestOfKey(KEY),
        digestOfKey(OTHER_KEY),
      ])
      .catch(async () => store.delete(OTHER_KEY));
    const found = await Promise.resolve((await fixture.open({ encryption })).get(OTHER_KEY)).catch(
      (error: unknown) => error,
    );
    expect(found).not.toMatchObject({ access_token: TOKEN.access_token });
  });

  it('encrypts a plain value at the next write', async () => {
    const plain = await fixture.open({ table: 'plain' });
    await plain.set(KEY, TOKEN);
    const store = await fixture.open({ table: 'plain', encryption: keyOf(1) });
    expect(await store.get(KEY)).toEqual(TOKEN);
    await store.set(KEY, TOKEN);
    const { rows } = await fixture.pool().query('select * from plain');
    expect(JSON.stringify(rows)).not.toContain('s3cret');
  });
});
