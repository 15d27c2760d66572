import { setTimeout as sleep } from 'node:timers/promises';
import { errorThrownBy, rejectionOf } from '@oa-internal/testing';
import type { TestRedis } from '@oa-internal/testing/redis';
import { redisStore } from '@oa/store-redis';
import type { StoreReservation } from '@oa/types';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { clientFor, KEY, observed, program, redisForTest, storeFor, TOKEN, type SharedStore } from './setup.ts';

const LEASE_MS = 1500;
const NEWER = { ...TOKEN, access_token: 'newer' };

afterEach(() => vi.restoreAllMocks());

async function leaseKey(redis: TestRedis): Promise<string> {
  return /oa:\{[0-9a-f]+\}:lease/.exec(await redis.ask('KEYS', '*:lease'))?.[0] ?? '';
}

/** Runs work in a holder whose lease is taken by another holder in the middle, as after a failover. */
async function takeOver(
  redis: TestRedis,
  store: SharedStore,
  after: (held: StoreReservation) => Promise<void>,
  work: (other: SharedStore) => Promise<void>,
): Promise<void> {
  const other = await storeFor('ioredis', redis, { lease: LEASE_MS });
  await store.lock(KEY, async () => {
    const held = await store.reserve(KEY);
    await redis.ask('DEL', await leaseKey(redis));
    await other.lock(KEY, () => work(other));
    await after(held);
  });
}

describe.skipIf(program === '')('over Redis', () => {
  it('takes a lease of 2 minutes by default, and renews it at each third', async () => {
    const redis = await redisForTest();
    const store = await storeFor('node-redis', redis);
    await store.lock(KEY, async () => {
      const left = Number((await redis.ask('PTTL', await leaseKey(redis))).slice(1));
      expect(left).toBeGreaterThan(100_000);
      expect(left).toBeLessThanOrEqual(120_000);
    });
    const short = await storeFor('node-redis', redis, { lease: LEASE_MS });
    const other = await storeFor('ioredis', redis, { lease: LEASE_MS });
    await short.lock(KEY, async () => {
      const { assertHeld } = await short.reserve(KEY);
      await sleep(2.5 * LEASE_MS);
      expect(() => assertHeld?.()).not.toThrow();
      expect(await rejectionOf(other.lock(KEY, async () => undefined, { timeout: 0 }))).toMatchObject({
        code: 'lock_timeout',
      });
    });
  });

  it('frees the lease at its end, and does not free that of another holder', async () => {
    const redis = await redisForTest();
    const store = await storeFor('node-redis', redis, { lease: LEASE_MS });
    await store.lock(KEY, async () => undefined);
    await expect.poll(() => leaseKey(redis), { timeout: 20_000 }).toBe('');
    await store.lock(KEY, async () => {
      await redis.ask('SET', await leaseKey(redis), 'another');
    });
    await store.get(KEY);
    expect(await leaseKey(redis)).not.toBe('');
  });

  it('refuses the write of a holder after a newer one has written, and leaves the sign of that one', async () => {
    const redis = await redisForTest();
    const store = await storeFor('node-redis', redis, { lease: LEASE_MS });
    let error: unknown;
    const write = async (): Promise<void> => void (error = await rejectionOf(Promise.resolve(store.set(KEY, TOKEN))));
    await takeOver(redis, store, write, async (other) => {
      expect((await other.reserve(KEY)).interrupted).toBe(true);
      await other.set(KEY, NEWER);
      await other.reserve(KEY);
    });
    expect(error).toMatchObject({ code: 'lock_lost', retryable: true });
    const reader = await storeFor('ioredis', redis);
    expect(await reader.get(KEY)).toEqual(NEWER);
    await reader.lock(KEY, async () => expect((await reader.reserve(KEY)).interrupted).toBe(true));
  });

  it('takes the write of a holder without its lease while no newer one has written: its token may be the only copy', async () => {
    const redis = await redisForTest();
    const store = await storeFor('node-redis', redis, { lease: LEASE_MS });
    await takeOver(
      redis,
      store,
      async () => void (await store.set(KEY, TOKEN)),
      async () => undefined,
    );
    expect(await (await storeFor('ioredis', redis)).get(KEY)).toEqual(TOKEN);
  });

  it('refuses the write of a holder after another call has deleted the value', async () => {
    const redis = await redisForTest();
    const store = await storeFor('node-redis', redis);
    const other = await storeFor('ioredis', redis);
    await store.set(KEY, TOKEN);
    await store.lock(KEY, async () => {
      await other.delete(KEY);
      expect(await rejectionOf(Promise.resolve(store.set(KEY, NEWER)))).toMatchObject({ code: 'lock_lost' });
    });
    expect(await (await storeFor('ioredis', redis)).get(KEY)).toBeUndefined();
  });

  it('tells a holder whose lease another one has that it is lost, at the next renewal and at reserve', async () => {
    const redis = await redisForTest();
    const store = await storeFor('node-redis', redis, { lease: LEASE_MS });
    const after = async ({ assertHeld }: StoreReservation): Promise<void> => {
      await expect
        .poll(() => tryCall(assertHeld), { timeout: 20_000 })
        .toMatchObject({ code: 'lock_lost', sent: false });
      expect(await rejectionOf(store.reserve(KEY))).toMatchObject({ code: 'lock_lost' });
    };
    await takeOver(redis, store, after, async () => undefined);
    await takeOver(
      redis,
      store,
      async () => expect(await rejectionOf(store.reserve(KEY))).toMatchObject({ code: 'lock_lost' }),
      async () => undefined,
    );
  });

  it('removes the sign of a request with the token of its answer', async () => {
    const redis = await redisForTest();
    const store = await storeFor('node-redis', redis);
    await store.lock(KEY, async () => {
      await store.reserve(KEY);
      await store.set(KEY, TOKEN);
    });
    await store.lock(KEY, async () => expect((await store.reserve(KEY)).interrupted).toBe(false));
    await store.lock(KEY, async () => expect((await store.reserve(KEY)).interrupted).toBe(true));
  });

  it('does not take the lease from the holder that has it', async () => {
    const redis = await redisForTest();
    const store = await storeFor('node-redis', redis, { lease: LEASE_MS });
    const work = async (other: SharedStore): Promise<void> => {
      expect(await rejectionOf(store.reserve(KEY))).toMatchObject({ code: 'lock_lost' });
      expect((await other.reserve(KEY)).interrupted).toBe(true);
    };
    await takeOver(redis, store, async () => undefined, work);
  });

  it('takes the lease again after Redis has lost it in a restart, and no other holder had it', async () => {
    const redis = await redisForTest();
    const store = await storeFor('ioredis', redis, { lease: LEASE_MS });
    await store.lock(KEY, async () => {
      const { assertHeld } = await store.reserve(KEY);
      await redis.end('SIGKILL');
      await redis.start();
      await expect.poll(() => leaseKey(redis), { timeout: 20_000 }).not.toBe('');
      expect(() => assertHeld?.()).not.toThrow();
      await store.set(KEY, TOKEN);
    });
    expect(await (await storeFor('node-redis', redis)).get(KEY)).toEqual(TOKEN);
  });

  it('has newer fences after Redis has lost the counter', async () => {
    const redis = await redisForTest();
    const store = await storeFor('ioredis', redis);
    const fence = async (): Promise<number> => {
      await store.lock(KEY, async () => undefined);
      const name = /oa:\{[0-9a-f]+\}:fence/.exec(await redis.ask('KEYS', '*:fence'))?.[0] ?? '';
      return Number((await redis.ask('GET', name)).split('\r\n')[1]);
    };
    const [first, second] = [await fence(), await fence()];
    await redis.ask('FLUSHALL');
    const third = await fence();
    expect(second).toBeGreaterThan(first);
    expect(third).toBeGreaterThan(second);
  });

  it('says lock_lost in the second half of a lease that could not be renewed', async () => {
    const redis = await redisForTest();
    const store = await storeFor('node-redis', redis, { lease: LEASE_MS });
    let error: unknown;
    await store.lock(KEY, async () => {
      const { assertHeld } = await store.reserve(KEY);
      expect(() => assertHeld?.()).not.toThrow();
      redis.signal('SIGSTOP');
      await sleep(LEASE_MS / 2);
      error = errorThrownBy(() => assertHeld?.());
      redis.signal('SIGCONT');
    });
    expect(error).toMatchObject({ code: 'lock_lost', retryable: true, sent: false });
  });

  it('gives up a lease that has ended without a renewal, also if Redis then has no other holder', async () => {
    const redis = await redisForTest();
    const store = await storeFor('ioredis', redis, { lease: LEASE_MS });
    await store.lock(KEY, async () => {
      const { assertHeld } = await store.reserve(KEY);
      redis.signal('SIGSTOP');
      await sleep(LEASE_MS * 1.5);
      redis.signal('SIGCONT');
      await sleep(LEASE_MS);
      expect(errorThrownBy(() => assertHeld?.())).toMatchObject({ code: 'lock_lost' });
      expect(await rejectionOf(store.reserve(KEY))).toMatchObject({ code: 'lock_lost' });
    });
  });

  it('counts the time of a suspended machine, which only the wall clock shows', async () => {
    const redis = await redisForTest();
    const store = await storeFor('ioredis', redis);
    await store.lock(KEY, async () => {
      const { assertHeld } = await store.reserve(KEY);
      const now = Date.now();
      vi.spyOn(Date, 'now').mockReturnValue(now - 3_600_000);
      expect(() => assertHeld?.()).not.toThrow();
      vi.spyOn(Date, 'now').mockReturnValue(now + 60_000);
      expect(errorThrownBy(() => assertHeld?.())).toMatchObject({ code: 'lock_lost' });
    });
  });

  it('frees a lock whose answer came after the wait for it has ended', async () => {
    const redis = await redisForTest();
    const late = Promise.withResolvers<void>();
    const { client } = observed(await clientFor('node-redis', redis.url), async (command, sent) => {
      if (command[1]?.includes("'NX'")) await late.promise;
      return sent;
    });
    const store = redisStore({ client });
    expect(await rejectionOf(store.lock(KEY, async () => undefined))).toMatchObject({ code: 'storage_unavailable' });
    expect(await leaseKey(redis)).not.toBe('');
    late.resolve();
    await expect.poll(() => leaseKey(redis), { timeout: 20_000 }).toBe('');
  });

  it('removes a sign whose answer came after the wait for it has ended: no request was sent', async () => {
    const redis = await redisForTest();
    const late = Promise.withResolvers<void>();
    const { client } = observed(await clientFor('node-redis', redis.url), async (command, sent) => {
      if (command[1]?.includes("'interrupted'")) await late.promise;
      return sent;
    });
    const store = redisStore({ client });
    await store.lock(KEY, async () => {
      expect(await rejectionOf(store.reserve(KEY))).toMatchObject({ code: 'storage_unavailable' });
      expect(await redis.ask('KEYS', '*:sign')).toContain(':sign');
      late.resolve();
      await expect.poll(() => redis.ask('KEYS', '*:sign'), { timeout: 20_000 }).not.toContain(':sign');
    });
  });

  it('tries to write for a time while Redis restarts: the token may be the only copy', async () => {
    const redis = await redisForTest({ isDurable: true });
    const store = await storeFor('node-redis', redis);
    await store.lock(KEY, async () => {
      await store.reserve(KEY);
      await redis.end('SIGKILL');
      // Longer than one command waits.
      const started = sleep(6000).then(() => redis.start());
      await store.set(KEY, TOKEN);
      await started;
    });
    expect(await (await storeFor('ioredis', redis)).get(KEY)).toEqual(TOKEN);
  });

  it('ends without an answer of Redis, and says nothing: the lease ends by itself', async () => {
    const redis = await redisForTest();
    const store = await storeFor('ioredis', redis, { lease: LEASE_MS });
    await store.lock(KEY, async () => {
      const { release } = await store.reserve(KEY);
      await redis.end('SIGKILL');
      expect(await rejectionOf(Promise.resolve(release?.()))).toMatchObject({ code: 'storage_unavailable' });
    });
    await redis.start();
    await expect.poll(async () => store.lock(KEY, async () => 'free'), { timeout: 20_000 }).toBe('free');
  });
});

function tryCall(call: (() => void) | undefined): unknown {
  try {
    return call?.();
  } catch (error) {
    return error;
  }
}
