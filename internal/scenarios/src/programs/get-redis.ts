/**
 * Waits for the other processes, gets a token from a manager whose tokens are in Redis, and prints it, or the code of the error. With `pause`
 * the program prints where it stops in the middle of the refresh, and goes on when the file `resume` exists.
 */
import { existsSync, writeSync } from 'node:fs';
import { barrier, readTask } from '@oa-internal/testing/child';
import { createManager, type ManagerOptions } from '@oa/manager';
import { redisStore, type RedisClient } from '@oa/store-redis';
import { isOAuthError, type OAuthEvent } from '@oa/types';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import type { RedisGetTask, RedisPause } from '../redis.ts';

const task = readTask() as RedisGetTask & { go: string; resume: string };

async function connect(): Promise<RedisClient> {
  if (task.library === 'ioredis') {
    const client = new Redis(task.url);
    client.on('error', () => undefined);
    return client;
  }
  return createClient({ url: task.url })
    .on('error', () => undefined)
    .connect();
}

async function pauseAt(pause: RedisPause): Promise<void> {
  if (task.pause !== pause) return;
  writeSync(1, `paused ${pause}\n`);
  await barrier(task.resume);
}

/** A client without a secret, whose authentication can take long, such as a signature by a remote service. */
const authentication: ManagerOptions['authentication'] = async ({ refusal }) => {
  if (refusal !== undefined) return undefined;
  await pauseAt('before the request');
  return { builtIn: 'none' };
};

const pausingFetch: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  if (init?.method === 'POST') await pauseAt('before the write');
  return response;
};

function onEvent({ type }: OAuthEvent): void {
  if (type === 'waiting') process.stdout.write('waiting\n');
  // Emitted after the write and before the lock is released.
  if (type !== 'refreshed' || task.pause !== 'after the write') return;
  writeSync(1, 'paused after the write\n');
  while (!existsSync(task.resume)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
}

const manager = createManager({
  app: 'scenario',
  interaction: 'never',
  cache: redisStore({ client: await connect(), lease: task.lease }),
  authentication,
  fetch: pausingFetch,
  onEvent,
});
process.stdout.write('ready\n');
await barrier(task.go);
const result = await manager.get(task.target, task.credentials);
if (result.ok) process.stdout.write(`token ${result.value.access_token}\n`);
else process.stdout.write(`error ${isOAuthError(result.error) ? result.error.code : 'bug'}\n`);
process.exit();
