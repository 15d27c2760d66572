import { createSharedStore, type SharedStore } from '@oa/shared-store';
import type { KeySource } from '@oa/types';
import { toRedisConnection, type RedisClient } from './client.ts';
import { createRedisCommands } from './commands.ts';
import { createRedisEngine } from './engine.ts';

/** The options of {@link redisStore}. */
export interface RedisStoreOptions {
  /** The client of the program. The store does not connect it, and does not close it. */
  client: RedisClient;
  /**
   * The first characters of all keys. Braces are not allowed: a cluster would read them as a hash tag.
   *
   * @default 'oa:'
   */
  prefix?: string | undefined;
  /** Encrypts the tokens. What they are for stays readable. */
  encryption?: KeySource | undefined;
  /**
   * Milliseconds that the lock of a holder lasts after the holder was killed. It is renewed at each third of that. It should be at least
   * four times the option `timeout` of the manager: a refresh request takes at most twice that, and it is not sent in the second half of a lease.
   *
   * @default 120_000
   */
  lease?: number | undefined;
}

const DEFAULT_PREFIX = 'oa:';
const DEFAULT_LEASE_MS = 120_000;
const MIN_LEASE_MS = 1000;
const MAX_LEASE_MS = 3_600_000;

/**
 * Creates a store of tokens in Redis or Valkey, for the option `cache` of a manager. Processes on several machines share the tokens, and one of
 * them refreshes at a time.
 *
 * A lock in Redis is a lease. A fence keeps an old holder from overwriting a newer token, but not from sending a request: after a
 * failover, or where a process was stopped at the wrong moment, a rotating refresh token can be used twice.
 *
 * Nothing is sent before the store is used. Where Redis is away, a token that this process has read and that is still valid is returned, else
 * calls reject with `storage_unavailable`, and nothing is refreshed.
 *
 * @throws {TypeError} if an option is wrong
 * @example
 * const client = await createClient({ url: process.env.REDIS_URL }).connect();
 * const manager = createManager({ app: 'my-service', cache: redisStore({ client }) });
 */
export function redisStore(options: RedisStoreOptions): SharedStore {
  const { client, prefix = DEFAULT_PREFIX, encryption, lease = DEFAULT_LEASE_MS } = options ?? {};
  const connection = toRedisConnection(client);
  assertRedisOptions(prefix, lease);
  const engine = createRedisEngine(createRedisCommands(connection), { prefix, lease });
  return createSharedStore(engine, { encryption, place: 'Redis' });
}

function assertRedisOptions(prefix: unknown, lease: unknown): void {
  if (typeof prefix !== 'string' || prefix === '' || /[{}]/.test(prefix))
    throw new TypeError('options.prefix must be a text without braces, such as oa:.');
  if (typeof lease !== 'number' || !(lease >= MIN_LEASE_MS && lease <= MAX_LEASE_MS) || !Number.isInteger(lease))
    throw new TypeError(`options.lease must be milliseconds, from ${MIN_LEASE_MS} to ${MAX_LEASE_MS}.`);
}
