import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { redisStore } from '@oa/store-redis';
import { describe, expect, it } from 'vitest';
import { KEY, ioredisClient, program, redisForTest, storeFor, TOKEN } from './setup.ts';

const AWAY = { code: 'storage_unavailable', retryable: true };

it.each([
  ['an answer', new Error('NOAUTH Authentication required.'), 'Redis refused a command (NOAUTH). Pass the user name'],
  [
    'a code of the system',
    Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
    'can not be reached (ECONNREFUSED).',
  ],
  ['a class', new (class ProxyLostError extends Error {})('x'), 'can not be reached (ProxyLostError).'],
  ['nothing that is known', new Error('SECRET s3cret'), 'Redis can not be reached. Check that it runs'],
  ['a code that is no code', Object.assign(new Error('x'), { code: 's3cret' }), 'Redis can not be reached. Check'],
  ['no error', 's3cret', 'Redis can not be reached. Check'],
])('makes storage_unavailable of an error of the client with %s', async (_, thrown, expected) => {
  const client = { call: async () => Promise.reject(thrown) };
  const error = await rejectionOf(Promise.resolve(redisStore({ client }).get(KEY)));
  expect(error).toMatchObject(AWAY);
  expect(error.message).toContain(expected);
  expect(error.message).toMatch(
    /Until then, tokens that are still valid are served, and none is refreshed\. Try again later\.$/,
  );
  expect(inspectAll(error)).not.toContain('s3cret');
});

it('catches what a client throws at once', async () => {
  const call = (): never => {
    throw new Error('redis://:s3cret@host');
  };
  const error = await rejectionOf(Promise.resolve(redisStore({ client: { call } }).get(KEY)));
  expect(error).toMatchObject(AWAY);
  expect(inspectAll(error)).not.toContain('s3cret');
});

describe.skipIf(program === '')('over Redis', () => {
  it('says that the password is wrong or missing', async () => {
    const redis = await redisForTest({ password: 'p4ssw0rd' });
    const wrong = redisStore({ client: ioredisClient(redis.url.replace('p4ssw0rd', 'wr0ng-s3cret')) });
    const missing = redisStore({ client: ioredisClient(`redis://127.0.0.1:${redis.port}`) });
    for (const store of [wrong, missing])
      for (const call of [async () => store.get(KEY), async () => store.lock(KEY, async () => 1)]) {
        const error = await rejectionOf(call());
        expect(error).toMatchObject(AWAY);
        expect(inspectAll(error)).not.toMatch(/s3cret|p4ssw0rd/);
      }
  });

  it('says that the user of the client may not run scripts', async () => {
    const redis = await redisForTest();
    const store = await storeFor('node-redis', redis);
    await redis.ask('ACL', 'SETUSER', 'default', '-eval');
    const error = await rejectionOf(store.lock(KEY, async () => 1));
    expect(error).toMatchObject(AWAY);
    expect(error.message).toContain('Redis refused a command (NOPERM). Allow the user of the client the commands');
  });

  it('says that the client is connected to a replica, reads there, and takes no lock', async () => {
    const redis = await redisForTest();
    const store = await storeFor('node-redis', redis);
    await store.set(KEY, TOKEN);
    await redis.ask('REPLICAOF', '127.0.0.1', '1');
    const reader = await storeFor('ioredis', redis);
    expect(await reader.get(KEY)).toEqual(TOKEN);
    const error = await rejectionOf(reader.lock(KEY, async () => 1));
    expect(error).toMatchObject(AWAY);
    expect(error.message).toContain('Redis refused a command (READONLY). The client is connected to a replica.');
    expect(await rejectionOf(Promise.resolve(reader.set(KEY, TOKEN)))).toMatchObject(AWAY);
  });

  it('takes no lock and reserves nothing where the memory is full, and still stores the token of a holder', async () => {
    const redis = await redisForTest();
    const store = await storeFor('node-redis', redis);
    await store.set(KEY, TOKEN);
    const newer = { ...TOKEN, access_token: 'newer' };
    await store.lock(KEY, async () => {
      await store.reserve(KEY);
      await redis.ask('CONFIG', 'SET', 'maxmemory', '1');
      const error = await rejectionOf(store.reserve(KEY));
      expect(error).toMatchObject(AWAY);
      expect(error.message).toContain('Redis refused a command (OOM). Its memory is full: raise maxmemory.');
      await store.set(KEY, newer);
    });
    const reader = await storeFor('ioredis', redis);
    expect(await reader.get(KEY)).toEqual(newer);
    expect(await rejectionOf(reader.lock(KEY, async () => 1))).toMatchObject(AWAY);
    await redis.ask('CONFIG', 'SET', 'maxmemory', '0');
    expect(await reader.lock(KEY, async () => 1)).toBe(1);
  });

  it('says that Redis reads its data after a start', async () => {
    const slow = { 'key-load-delay': '3000', 'loading-process-events-interval-bytes': '1024', rdbcompression: 'no' };
    const settings = Object.entries({ 'enable-debug-command': 'local', ...slow });
    const redis = await redisForTest({ args: settings.flatMap(([name, value]) => [`--${name}`, value]) });
    const store = await storeFor('node-redis', redis);
    await store.set(KEY, TOKEN);
    const reader = await storeFor('node-redis', redis);
    await redis.ask('DEBUG', 'POPULATE', '1000', 'other', '100');
    const loading = redis.ask('DEBUG', 'RELOAD');
    await expect.poll(() => redis.ask('PING'), { timeout: 20_000, interval: 20 }).toContain('LOADING');
    const { message } = await rejectionOf(Promise.resolve(reader.get(KEY)));
    expect(message).toContain('Redis refused a command (LOADING). It reads its data after a start');
    await loading;
    expect(await reader.get(KEY)).toEqual(TOKEN);
  });

  it('says that another program uses the keys', async () => {
    const redis = await redisForTest();
    const store = await storeFor('ioredis', redis);
    await store.set(KEY, TOKEN);
    const name = /oa:\{[0-9a-f]+\}(?=\r\n)/.exec(await redis.ask('KEYS', '*'))?.[0] ?? '';
    await redis.ask('SET', name, 'text');
    const error = await rejectionOf(Promise.resolve((await storeFor('ioredis', redis)).get(KEY)));
    expect(error).toMatchObject(AWAY);
    expect(error.message).toContain('(WRONGTYPE). Another program uses the same keys');
  });
});
