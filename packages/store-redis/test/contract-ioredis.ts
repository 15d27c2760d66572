import { Redis } from 'ioredis';
import { registerRedisContract } from './contract-setup.ts';

await registerRedisContract(async (url) => {
  const client = new Redis(url).on('error', () => undefined);
  return { client, close: () => client.disconnect() };
});
