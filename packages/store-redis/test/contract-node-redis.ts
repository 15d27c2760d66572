import { createClient } from 'redis';
import { registerRedisContract } from './contract-setup.ts';

await registerRedisContract(async (url) => {
  const client = await createClient({ url })
    .on('error', () => undefined)
    .connect();
  return { client, close: () => client.destroy() };
});
