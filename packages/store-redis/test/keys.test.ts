import { redisStore } from '@oa/store-redis';
import { tokenKey } from '@oa/token-cache';
import { describe, expect, it } from 'vitest';
import { clientFor, dump, KEY, LIBRARIES, program, redisForTest, storeFor, TOKEN, type SharedStore } from './setup.ts';

async function keysOf(store: SharedStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.keys()) keys.push(key);
  return keys.toSorted();
}

describe.skipIf(program === '')('over Redis', () => {
  it('puts all keys of a token into one hash slot, by the digest of what it is for', async () => {
    const redis = await redisForTest();
    const store = await storeFor('ioredis', redis);
    await store.lock(KEY, async () => {
      await store.reserve(KEY);
      await store.set(KEY, TOKEN);
      await store.reserve(KEY);
    });
    const { keys } = await dump(redis);
    const names = keys.split('\r\n').filter((line) => line.startsWith('oa:'));
    expect(names.length).toBeGreaterThanOrEqual(3);
    const tags = new Set(names.map((name) => /^oa:\{([0-9a-f]{64})\}(?::[a-z]+)?$/.exec(name)?.[1]));
    expect(tags.size).toBe(1);
    expect(tags).not.toContain(undefined);
  });

  it('has no token in the names of its keys, and no expiry on a token', async () => {
    const redis = await redisForTest();
    const store = await storeFor('node-redis', redis);
    await store.set(KEY, TOKEN);
    const { keys, values } = await dump(redis);
    expect(keys).not.toMatch(/s3cret|as\.example/);
    expect(values).toContain('rt-s3cret');
    const name = /oa:\{[0-9a-f]+\}(?=\r\n)/.exec(keys)?.[0] ?? '';
    expect(await redis.ask('PTTL', name)).toBe(':-1\r\n');
  });

  it('lets what is no token expire, also what is left of a deleted one', async () => {
    const redis = await redisForTest();
    const store = await storeFor('node-redis', redis);
    await store.lock(KEY, async () => {
      await store.reserve(KEY);
      await store.delete(KEY);
      await store.reserve(KEY);
    });
    const { keys } = await dump(redis);
    const names = keys.split('\r\n').filter((line) => line.startsWith('oa:'));
    expect(names.length).toBeGreaterThanOrEqual(3);
    for (const name of names) expect(Number((await redis.ask('PTTL', name)).slice(1))).toBeGreaterThan(0);
  });

  it.each(LIBRARIES)(
    'lists the tokens of its prefix, with the client of %s, whatever is in the prefix',
    async (library) => {
      const redis = await redisForTest();
      const client = await clientFor(library, redis.url);
      const [own, other] = [redisStore({ client, prefix: 'a*[b]?\\:' }), redisStore({ client, prefix: 'axb:' })];
      const keys = Array.from({ length: 50 }, (_, index) =>
        tokenKey({ issuer: 'https://as.example', client_id: String(index), grant_type: 'client_credentials' }),
      );
      for (const key of keys) await own.set(key, TOKEN);
      await own.lock(KEY, async () => own.reserve(KEY));
      await other.set(KEY, TOKEN);
      await own.delete(keys[0] ?? '');
      expect(await keysOf(own)).toEqual(keys.slice(1).toSorted());
      expect(await keysOf(other)).toEqual([KEY]);
    },
  );

  it('runs in a cluster, which refuses scripts with keys of two slots', async () => {
    const redis = await redisForTest({ args: ['--cluster-enabled', 'yes'] });
    await redis.ask('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await expect.poll(() => redis.ask('CLUSTER', 'INFO'), { timeout: 20_000 }).toContain('cluster_state:ok');
    const store = await storeFor('node-redis', redis);
    await store.lock(KEY, async () => {
      const { release } = await store.reserve(KEY);
      await release?.();
      await store.reserve(KEY);
      await store.set(KEY, TOKEN);
    });
    expect(await (await storeFor('ioredis', redis)).get(KEY)).toEqual(TOKEN);
    expect(await keysOf(store)).toEqual([KEY]);
    await store.delete(KEY);
    expect(await store.get(KEY)).toBeUndefined();
  });
});
