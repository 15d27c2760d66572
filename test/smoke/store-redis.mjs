import assert from 'node:assert/strict';
import { redisStore } from '@oa/store-redis';

// Without a Redis: the client refuses every command.
const client = { call: async () => Promise.reject(new Error('LOADING Redis is loading the dataset in memory')) };
const store = redisStore({ client });
await assert.rejects(store.get('key'), { code: 'storage_unavailable', retryable: true, message: /\(LOADING\)/ });
await assert.rejects(
  store.lock('key', async () => assert.fail('ran without the lock')),
  { code: 'storage_unavailable' },
);
assert.throws(() => redisStore({ client: {} }), TypeError);
