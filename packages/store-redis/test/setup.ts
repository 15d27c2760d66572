// A real Redis for the tests of one file, and clients of both libraries that are connected to it.
import { findRedis, startRedis, type TestRedis, type TestRedisOptions } from '@oa-internal/testing/redis';
import { redisStore, type RedisClient, type RedisStoreOptions } from '@oa/store-redis';
import { tokenKey } from '@oa/token-cache';
import type { Token } from '@oa/types';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { onTestFinished } from 'vitest';

export const program: string = findRedis('the store of Redis') ?? '';

export type SharedStore = ReturnType<typeof redisStore>;

export const KEY: string = tokenKey({ issuer: 'https://as.example', client_id: 'c', grant_type: 'authorization_code' });
export const TOKEN: Token = { access_token: 'at-s3cret', token_type: 'Bearer', refresh_token: 'rt-s3cret' };
export const LIBRARIES = ['node-redis', 'ioredis'] as const;
export type Library = (typeof LIBRARIES)[number];

/** Starts a Redis that ends with the test. */
export async function redisForTest(options?: TestRedisOptions): Promise<TestRedis> {
  const redis = await startRedis(program, options);
  onTestFinished(() => redis[Symbol.asyncDispose]());
  return redis;
}

/** A client of ioredis that ends with the test. */
export function ioredisClient(url: string): Redis {
  const client = new Redis(url);
  client.on('error', () => undefined);
  onTestFinished(() => client.disconnect());
  return client;
}

/** A client that ends with the test. */
export async function clientFor(library: Library, url: string): Promise<RedisClient> {
  if (library === 'ioredis') return ioredisClient(url);
  const client = createClient({ url }).on('error', () => undefined);
  onTestFinished(() => client.destroy());
  return client.connect();
}

/** A store with a client of its own. */
export async function storeFor(
  library: Library,
  { url }: TestRedis,
  options: Partial<RedisStoreOptions> = {},
): Promise<SharedStore> {
  return redisStore({ client: await clientFor(library, url), ...options });
}

/** The same client, with the commands that were sent through it. `answer` can hold an answer back. */
export function observed(
  client: RedisClient,
  answer: (command: string[], sent: Promise<unknown>) => Promise<unknown> = async (_, sent) => sent,
): { client: RedisClient; commands: string[][] } {
  const commands: string[][] = [];
  const send = async (...command: string[]): Promise<unknown> => {
    commands.push(command);
    const [name = '', ...rest] = command;
    const sent = 'call' in client ? client.call(name, ...rest) : client.sendCommand(command);
    return answer(command, sent);
  };
  return { client: { call: send }, commands };
}

/** Everything that Redis holds: the names of its keys, and its values. */
export async function dump(redis: TestRedis): Promise<{ keys: string; values: string }> {
  const keys = await redis.ask('KEYS', '*');
  const names = keys.split('\r\n').filter((line) => line !== '' && !/^[*$]\d+$/.test(line));
  const values = names.map(async (name) => `${await redis.ask('GET', name)}${await redis.ask('HGETALL', name)}`);
  return { keys, values: (await Promise.all(values)).join('') };
}
