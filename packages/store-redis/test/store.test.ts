import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { redisStore, type RedisClient } from '@oa/store-redis';
import { tokenKey } from '@oa/token-cache';
import { isStorageError, type KeySource } from '@oa/types';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  clientFor,
  dump,
  KEY,
  LIBRARIES,
  observed,
  program,
  redisForTest,
  storeFor,
  TOKEN,
  type SharedStore,
} from './setup.ts';

const client: RedisClient = { call: async () => undefined };

it.each(['', 'a{b', 'a}b', 7, null])('refuses the prefix %o', (prefix) => {
  expect(() => redisStore({ client, prefix: prefix as string })).toThrow(
    new TypeError('options.prefix must be a text without braces, such as oa:.'),
  );
});

it.each([999, 3_600_001, 2000.5, Number.NaN, '2000'])('refuses the lease %o', (lease) => {
  expect(() => redisStore({ client, lease: lease as number })).toThrow(
    new TypeError('options.lease must be milliseconds, from 1000 to 3600000.'),
  );
});

it('refuses missing options', () => {
  expect(() => redisStore(undefined as unknown as { client: RedisClient })).toThrow(TypeError);
});

it('sends nothing before it is used', () => {
  const { client: observedClient, commands } = observed(client);
  redisStore({ client: observedClient });
  expect(commands).toEqual([]);
});

it('shows neither the client nor tokens', async () => {
  const store = redisStore({ client: { call: async () => ['{"text":1}', null], password: 'p4ss' } as RedisClient });
  expect(inspect(store, { depth: 10, showHidden: true })).not.toContain('p4ss');
});

describe.skipIf(program === '')('over Redis', () => {
  it.each(LIBRARIES)('reads and deletes what another store has written, with the client of %s', async (library) => {
    const redis = await redisForTest();
    const [one, other] = [await storeFor(library, redis), await storeFor('ioredis', redis)];
    await one.set(KEY, TOKEN);
    expect(await other.get(KEY)).toEqual(TOKEN);
    await other.delete(KEY);
    expect(await (await storeFor(library, redis)).get(KEY)).toBeUndefined();
  });

  it('needs no round trip for a token that it has read within the last second', async () => {
    const redis = await redisForTest();
    const { client: observedClient, commands } = observed(await clientFor('node-redis', redis.url));
    const store = redisStore({ client: observedClient });
    await store.set(KEY, TOKEN);
    const sent = commands.length;
    for (let call = 0; call < 100; call += 1) expect(store.peek(KEY)).toEqual(TOKEN);
    expect(await store.get(KEY)).toEqual(TOKEN);
    expect(commands).toHaveLength(sent);
  });

  it('takes a lock, reserves and writes with one round trip each, and does not wait for the end of the lock', async () => {
    const redis = await redisForTest();
    const hold = Promise.withResolvers<void>();
    const { client: observedClient, commands } = observed(
      await clientFor('ioredis', redis.url),
      async (command, sent) => (command[1]?.includes('DEL') && !command[1].includes('HSET') ? hold.promise : sent),
    );
    const store = redisStore({ client: observedClient });
    await store.lock(KEY, async () => {
      expect(await store.get(KEY)).toBeUndefined();
      const { interrupted, assertHeld } = await store.reserve(KEY);
      expect(interrupted).toBe(false);
      assertHeld?.();
      await store.set(KEY, TOKEN);
    });
    // The fourth one frees the lock, and has no answer yet.
    expect(commands.map(([name]) => name)).toEqual(['EVAL', 'EVAL', 'EVAL', 'EVAL']);
    hold.resolve();
  });

  it.each(LIBRARIES)('shows no token in an error of the store, with the client of %s', async (library) => {
    const redis = await redisForTest({ password: 'p4ssw0rd' });
    const store = await storeFor(library, redis);
    await store.set(KEY, TOKEN);
    await redis.end('SIGKILL');
    const error = await rejectionOf(Promise.resolve(store.set(KEY, TOKEN)));
    expect(error).toMatchObject({ code: 'storage_unavailable', retryable: true });
    expect(inspectAll(error)).not.toMatch(/s3cret|p4ssw0rd|127\.0\.0\.1/);
  });

  it('encrypts tokens, and takes neither another key nor a value that was copied from another token', async () => {
    const redis = await redisForTest();
    const source = (id: string, byte: number): KeySource => ({ id, key: async () => new Uint8Array(32).fill(byte) });
    const open = async (encryption?: KeySource): Promise<SharedStore> => storeFor('node-redis', redis, { encryption });
    const store = await open(source('first', 1));
    const other = tokenKey({ issuer: 'https://as.example', client_id: 'other', grant_type: 'authorization_code' });
    await store.set(KEY, TOKEN);
    expect(await (await open(source('first', 1))).get(KEY)).toEqual(TOKEN);
    const { values } = await dump(redis);
    expect(values).not.toContain('s3cret');
    expect(values).toContain('as.example');
    for (const wrong of [source('first', 2), source('second', 2), undefined])
      expect(await rejectionOf(Promise.resolve((await open(wrong)).get(KEY)))).toMatchObject({
        code: 'decryption_failed',
      });
    const [name = ''] = /oa:\{[0-9a-f]+\}(?=\r\n)/.exec(await redis.ask('KEYS', '*')) ?? [];
    await store.set(other, TOKEN);
    const names = [...(await redis.ask('KEYS', '*')).matchAll(/oa:\{[0-9a-f]+\}(?=\r\n)/g)].map(([each]) => each);
    const target = names.find((each) => each !== name) ?? '';
    await redis.ask('COPY', name, target, 'REPLACE');
    const swapped = await Promise.resolve((await open(source('first', 1))).get(other)).catch((error: unknown) => error);
    expect(swapped === undefined || isStorageError(swapped)).toBe(true);
    expect(await (await open(source('first', 1))).get(KEY)).toEqual(TOKEN);
    const listed: string[] = [];
    for await (const key of (await open()).keys()) listed.push(key);
    expect(listed).toContain(KEY);
  });
});
