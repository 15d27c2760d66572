import { redisStore, type RedisClient } from '@oa/store-redis';
import { Redis } from 'ioredis';
import { createClient, createCluster, createSentinel } from 'redis';
import { describe, expect, it } from 'vitest';
import { clientFor, KEY, LIBRARIES, program, redisForTest, TOKEN } from './setup.ts';

it.each([undefined, null, 'redis://127.0.0.1', {}, { call: 'GET' }, { sendCommand: true }])(
  'refuses a client that is %o',
  (client) => {
    expect(() => redisStore({ client: client as unknown as RedisClient })).toThrow(
      new TypeError('options.client must be a client of node-redis or ioredis, or an object with the method call.'),
    );
  },
);

it('refuses a cluster and sentinels of node-redis, whose sendCommand needs more, and says what to pass', () => {
  const cluster = createCluster({ rootNodes: [{ url: 'redis://127.0.0.1:1' }] });
  const sentinel = createSentinel({ name: 'main', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] });
  for (const client of [cluster, sentinel])
    expect(() => redisStore({ client: client as unknown as RedisClient })).toThrow(
      /^options\.client is a cluster or sentinel client of node-redis.*Pass an object with a method call/,
    );
});

it('refuses a client of ioredis with a keyPrefix, which SCAN does not use', () => {
  const client = new Redis({ lazyConnect: true, keyPrefix: 'app:' });
  expect(() => redisStore({ client })).toThrow(/^options\.client has the option keyPrefix\. Use the option prefix/);
});

describe.skipIf(program === '')('over Redis', () => {
  it.each(LIBRARIES)('takes the client of %s as it is', async (library) => {
    const redis = await redisForTest();
    const store = redisStore({ client: await clientFor(library, redis.url) });
    await store.set(KEY, TOKEN);
    expect(await redisStore({ client: await clientFor(library, redis.url) }).get(KEY)).toEqual(TOKEN);
  });

  it('takes an object with call for any other client', async () => {
    const redis = await redisForTest();
    const inner = createClient({ url: redis.url }).on('error', () => undefined);
    await inner.connect();
    const store = redisStore({ client: { call: async (...command) => inner.sendCommand(command) } });
    await store.set(KEY, TOKEN);
    await store.delete(KEY);
    expect(await store.get(KEY)).toBeUndefined();
    inner.destroy();
  });

  it('waits for a client of ioredis that connects, also one that connects with its first command', async () => {
    const redis = await redisForTest();
    for (const lazyConnect of [false, true]) {
      const client = new Redis(redis.url, { lazyConnect });
      await redisStore({ client }).set(KEY, TOKEN);
      client.disconnect();
    }
    expect(await redis.ask('DBSIZE')).toContain(':2');
  });
});
