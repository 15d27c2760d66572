import { createClient } from 'redis';
import { rejectionOf, inspectAll } from '@oa-internal/testing';
import { redisStore, type RedisClient } from '@oa/store-redis';
import { describe, expect, it } from 'vitest';
import { clientFor, ioredisClient, KEY, LIBRARIES, program, redisForTest, storeFor, TOKEN } from './setup.ts';

/** It depends on when the client notices. */
const NO_ANSWER = /^Redis (?:does not answer|can not be reached: the client is not connected)\. Check that it runs/;
const AWAY = { code: 'storage_unavailable', retryable: true };

describe.skipIf(program === '')('over Redis', () => {
  it.each(LIBRARIES)(
    'waits for a limited time for a Redis that has ended, with the client of %s, and works again afterwards',
    async (library) => {
      const redis = await redisForTest({ isDurable: true });
      const [store, reader] = [await storeFor(library, redis), await storeFor(library, redis)];
      await store.set(KEY, TOKEN);
      await redis.end('SIGKILL');
      const error = await rejectionOf(Promise.resolve(reader.get(KEY)));
      expect(error).toMatchObject(AWAY);
      expect(error.message).toMatch(NO_ANSWER);
      expect(await rejectionOf(reader.lock(KEY, async () => 'ran'))).toMatchObject(AWAY);
      await redis.start();
      await expect.poll(async () => reader.get(KEY), { timeout: 20_000 }).toEqual(TOKEN);
    },
  );

  it.each(LIBRARIES)(
    'sends nothing late that was asked for while Redis had ended, with the client of %s',
    async (library) => {
      const redis = await redisForTest({ isDurable: true });
      const store = await storeFor(library, redis, { lease: 1500 });
      await store.set(KEY, TOKEN);
      const late = { ...TOKEN, access_token: 'late' };
      await store.lock(KEY, async () => {
        await redis.end('SIGKILL');
        // ioredis sends again what was under way when the connection broke.
        expect(await rejectionOf(store.reserve(KEY))).toMatchObject(AWAY);
        expect(await rejectionOf((async () => store.set(KEY, late))())).toMatchObject(AWAY);
      });
      const calls = [
        async () => store.set(KEY, late),
        async () => store.delete(KEY),
        async () => store.lock(KEY, async () => 1),
      ];
      for (const call of calls) expect(await rejectionOf(call())).toMatchObject(AWAY);
      await redis.start();
      // What the client has kept would be sent before this.
      const isFree = async (): Promise<unknown> => store.lock(KEY, async () => 'free').catch(() => undefined);
      await expect.poll(isFree, { timeout: 20_000 }).toBe('free');
      const reader = await storeFor('ioredis', redis);
      await expect.poll(async () => reader.lock(KEY, async () => reader.get(KEY)), { timeout: 20_000 }).toEqual(TOKEN);
    },
  );

  it.each(LIBRARIES)('waits for a limited time for a Redis that is stopped, with the client of %s', async (library) => {
    const redis = await redisForTest();
    const store = await storeFor(library, redis);
    await store.set(KEY, TOKEN);
    const reader = await storeFor(library, redis);
    redis.signal('SIGSTOP');
    const error = await rejectionOf(Promise.resolve(reader.get(KEY)));
    expect(error).toMatchObject(AWAY);
    expect(error.message).toMatch(NO_ANSWER);
    redis.signal('SIGCONT');
    await expect.poll(async () => reader.get(KEY), { timeout: 20_000 }).toEqual(TOKEN);
  });

  it('ends the wait when the signal of the caller aborts, with its reason', async () => {
    const redis = await redisForTest();
    const store = await storeFor('ioredis', redis);
    redis.signal('SIGSTOP');
    const reason = new Error('enough');
    const abort = new AbortController();
    const locked = store.lock(KEY, async () => 1, { signal: abort.signal });
    setTimeout(() => abort.abort(reason), 50);
    await expect(locked).rejects.toBe(reason);
    await expect(store.lock(KEY, async () => 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    redis.signal('SIGCONT');
    expect(await store.lock(KEY, async () => 'free')).toBe('free');
  });

  it.each(LIBRARIES)(
    'waits for a limited time for a Redis that never started, with the client of %s',
    async (library) => {
      const redis = await redisForTest({ password: 'p4ssw0rd' });
      await redis.end();
      const connecting = createClient({ url: redis.url }).on('error', () => undefined);
      void connecting.connect().catch(() => undefined);
      const client: RedisClient = library === 'ioredis' ? ioredisClient(redis.url) : connecting;
      const error = await rejectionOf(Promise.resolve(redisStore({ client }).get(KEY)));
      connecting.destroy();
      expect(error).toMatchObject(AWAY);
      expect(inspectAll(error)).not.toMatch(/p4ssw0rd|127\.0\.0\.1/);
    },
  );

  it('says the class of the error of a client that is not connected, or closed', async () => {
    const redis = await redisForTest();
    const unconnected = redisStore({ client: createClient({ url: redis.url }) });
    expect((await rejectionOf(Promise.resolve(unconnected.get(KEY)))).message).toMatch(
      /^Redis can not be reached \(ClientClosedError\)\./,
    );
    const closed = ioredisClient(redis.url);
    await closed.quit();
    await expect.poll(() => closed.status, { timeout: 20_000 }).toBe('end');
    expect(await rejectionOf(Promise.resolve(redisStore({ client: closed }).get(KEY)))).toMatchObject(AWAY);
  });

  it('reads the answers of a client that returns bytes', async () => {
    const redis = await redisForTest();
    const client = ioredisClient(redis.url);
    const call = async (command: string, ...args: string[]): Promise<unknown> => client.callBuffer(command, ...args);
    const store = redisStore({ client: { call } });
    await store.set(KEY, TOKEN);
    expect(await redisStore({ client: { call } }).get(KEY)).toEqual(TOKEN);
    await store.lock(KEY, async () => expect((await store.reserve(KEY)).interrupted).toBe(false));
    expect(await redisStore({ client: await clientFor('ioredis', redis.url) }).get(KEY)).toEqual(TOKEN);
  });
});
