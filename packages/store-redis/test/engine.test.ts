import { rejectionOf } from '@oa-internal/testing';
import { redisStore } from '@oa/store-redis';
import { OAuthError } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { KEY, LIBRARIES, program, redisForTest, storeFor, TOKEN } from './setup.ts';

it('takes no lock from a client whose answers are not those of Redis', async () => {
  for (const answer of [undefined, null, 'OK', 1, {}, []]) {
    const store = redisStore({ client: { call: async () => answer } });
    const locked = store.lock(KEY, async () => 'ran', { timeout: 0 });
    expect(await rejectionOf(locked)).toMatchObject({ code: 'lock_timeout' });
    expect(await store.get(KEY)).toBeUndefined();
    await store.set(KEY, TOKEN);
  }
});

it('ends the list where the client answers without a cursor', async () => {
  const store = redisStore({ client: { call: async () => [null, []] } });
  for await (const key of store.keys()) expect(key).toBeUndefined();
});

it('lists a token once where SCAN returns its key more than once', async () => {
  const record = new Map<string, string>();
  const answers: Record<string, unknown> = { '0': ['7', ['k', 'l', 'k']], '7': ['0', ['l', 'gone', null]] };
  const call = async (command: string, ...args: string[]): Promise<unknown> => {
    if (command === 'SCAN') return answers[args[0] ?? ''];
    if (command === 'HGET') return record.get(args[0] ?? '') ?? null;
    record.set('k', args.at(-1) ?? '');
    return 'written';
  };
  const store = redisStore({ client: { call } });
  await store.set(KEY, TOKEN);
  const keys: string[] = [];
  for await (const key of store.keys()) keys.push(key);
  expect(keys).toEqual([KEY]);
});

describe.skipIf(program === '')('over Redis', () => {
  it.each(LIBRARIES)(
    'gives the failure of a holder to the calls that waited, and to no later one, with the client of %s',
    async (library) => {
      const redis = await redisForTest();
      const [holder, waiter] = [await storeFor(library, redis), await storeFor(library, redis)];
      const failed = new OAuthError('timeout', 'The server, asked twice, did not answer.', { retryable: true });
      const polled = Promise.withResolvers<void>();
      const held = holder.lock(KEY, async () => {
        await polled.promise;
        throw failed;
      });
      const whileWaiting = (): undefined => {
        polled.resolve();
      };
      const waiting = waiter.lock(KEY, async () => 'ran', { whileWaiting });
      expect(await rejectionOf(held)).toBe(failed);
      expect((await rejectionOf(waiting)).toJSON()).toEqual(failed.toJSON());
      expect(await waiter.lock(KEY, async () => 'ran')).toBe('ran');
    },
  );
});
