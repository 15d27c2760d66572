export type { RedisClient } from './client.ts';
export { redisStore } from './store.ts';
export type { RedisStoreOptions } from './store.ts';
