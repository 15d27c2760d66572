// The contract of shared stores, over a real Redis. contract.test.ts runs it with each client, with `node --test`.
import { createHash } from 'node:crypto';
import { after } from 'node:test';
import { findRedis, startRedis, type TestRedis } from '@oa-internal/testing/redis';
import { storeContract, type OpenedStore } from '@oa/store-contract';
import { redisStore, type RedisClient } from '@oa/store-redis';

/** Locks must end within 3 seconds. */
const LEASE_MS = 2400;
const URL_VARIABLE = 'OA_CONTRACT_REDIS_URL';

/** The other processes of the contract use the Redis of the first one. */
async function startFirst(): Promise<TestRedis | undefined> {
  if (process.env[URL_VARIABLE] !== undefined) return undefined;
  const program = findRedis('the store of Redis');
  if (program === undefined) throw new Error('redis-server is missing.');
  const redis = await startRedis(program, { isDurable: true });
  process.env[URL_VARIABLE] = redis.url;
  after(() => redis[Symbol.asyncDispose]());
  return redis;
}

/** Registers the contract. `connect` makes a client, and the function that ends it. */
export async function registerRedisContract(
  connect: (url: string) => Promise<{ client: RedisClient; close: () => unknown }>,
): Promise<void> {
  const redis = await startFirst();
  const url = process.env[URL_VARIABLE] ?? '';
  storeContract({
    async open(name): Promise<OpenedStore> {
      const { client, close } = await connect(url);
      return { store: redisStore({ client, prefix: `${name}:`, lease: LEASE_MS }), close };
    },
    async kill() {
      await redis?.end('SIGKILL');
      return () => redis?.start();
    },
    async corrupt(name, key) {
      const digest = createHash('sha256').update(key).digest('hex');
      await redis?.ask('HSET', `${name}:{${digest}}`, 'text', '{"format":');
    },
  });
}
