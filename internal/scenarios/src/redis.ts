import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { startProcess, temporaryDirectory, type TestProcess } from '@oa-internal/testing';
import { startRedis, type TestRedis, type TestRedisOptions } from '@oa-internal/testing/redis';
import { createManager, type Credentials, type Target } from '@oa/manager';
import { redisStore } from '@oa/store-redis';
import type { Store, Token } from '@oa/types';
import { createClient } from 'redis';

const GET = new URL('programs/get-redis.ts', import.meta.url);
const COMPILED = join(import.meta.dirname, '../../../node_modules/.cache/compiled');

/** Where a process stops in the middle of a refresh. */
export type RedisPause = 'before the request' | 'before the write' | 'after the write';

/** What a program asks its manager for. */
export interface RedisGetTask {
  url: string;
  library: 'redis' | 'ioredis';
  target: Target;
  credentials: Credentials;
  /** Milliseconds. */
  lease: number;
  pause?: RedisPause;
}

/** A real authorization server with rotating refresh tokens, a Redis, and a user who is logged in there. */
export interface RedisScenario {
  server: AuthorizationServerHandle;
  redis: TestRedis;
  /** The store of this process. */
  store: Store<Token>;
  key: string;
  target: Target;
  credentials: Credentials;
  /** How many refresh requests the server has received. */
  refreshes: () => number;
  /** Makes the stored token expire. */
  expire: () => Promise<void>;
  /** What Redis holds. */
  stored: () => Promise<Token | undefined>;
  /** Starts a program. It begins after `release`. */
  start: (task?: Partial<RedisGetTask>) => TestProcess;
  release: () => void;
  /** Lets a program go on that has stopped in the middle of a refresh. */
  resume: () => void;
  /** Whether the refresh token is still good: a server revokes it when an older one was used a second time (RFC 9700 section 4.14.2). */
  isAlive: () => Promise<boolean>;
  [Symbol.asyncDispose]: () => Promise<void>;
}

/** Starts a {@link RedisScenario}. */
export async function startRedisScenario(
  program: string,
  { lease, ...options }: TestRedisOptions & { lease: number },
): Promise<RedisScenario> {
  const root = temporaryDirectory();
  const server = await startAuthorizationServer();
  const redis = await startRedis(program, options);
  const client = await createClient({ url: redis.url })
    .on('error', () => undefined)
    .connect();
  const open = (): Store<Token> => redisStore({ client, lease });
  const store = open();
  const target = server.issuer;
  const credentials: Credentials = { client_id: server.public.client_id, scope: 'openid offline_access' };
  const login = { openBrowser: async (url: string) => server.logIn(url), print: () => undefined };
  await createManager({ app: 'scenario', cache: store, login }).getToken(target, credentials);
  const [key = ''] = await keysOf(store);
  const [go, resume] = [join(root, 'go'), join(root, 'resume')];
  const env = {
    ...process.env,
    XDG_CACHE_HOME: join(root, 'cache'),
    XDG_CONFIG_HOME: join(root, 'config'),
    NODE_COMPILE_CACHE: COMPILED,
  };

  async function stored(): Promise<Token | undefined> {
    return open().get(key);
  }

  async function expire(): Promise<void> {
    const token = await stored();
    if (token === undefined) throw new Error('No token is stored.');
    await store.set(key, { ...token, expires_in: 3600, expires_at: Math.floor(Date.now() / 1000) - 60 });
  }

  return {
    server,
    redis,
    store,
    key,
    target,
    credentials,
    refreshes: () => server.count('/token', 'refresh_token'),
    expire,
    stored,
    start(task) {
      const whole = { url: redis.url, library: 'redis', target, credentials, lease, ...task };
      return startProcess(GET, { task: { ...whole, go, resume }, env });
    },
    release: () => writeFileSync(go, ''),
    resume: () => writeFileSync(resume, ''),
    async isAlive() {
      await expire();
      const cache = open();
      return (await createManager({ app: 'scenario', cache, interaction: 'never' }).get(target, credentials)).ok;
    },
    async [Symbol.asyncDispose]() {
      client.destroy();
      await redis[Symbol.asyncDispose]();
      await server.close();
      rmSync(root, { recursive: true });
    },
  };
}

async function keysOf(store: Store<Token>): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.keys?.() ?? []) keys.push(key);
  return keys;
}

/** The last line that a program printed, and what it wrote to stderr. */
export async function lastLineOf(program: TestProcess): Promise<string> {
  const { stdout, stderr } = await program.ended;
  return (stdout.trim().split('\n').at(-1) ?? '') + stderr;
}
