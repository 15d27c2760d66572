// The stores of `pnpm fleet`, on an engine of its own.
import type { SharedStore } from '../packages/shared-store/src/index.ts';
import { startPostgres } from '@oa-internal/testing/postgres';
import { findRedis, startRedis } from '@oa-internal/testing/redis';

/** Where the engine of a run listens. */
export interface FleetEngine {
  name: 'PostgreSQL' | 'Redis';
  url: string;
}

/** An engine that a run can end and start again. */
export interface RunningEngine extends FleetEngine {
  /** Ends it as a power cut does, and starts it again with what it has stored. */
  crash(): Promise<void>;
  /** Ends it in good order, and starts it again. */
  restart(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The lease of Redis in milliseconds. The default would let a run take an hour. */
export const FLEET_LEASE_MS = 20_000;

/** Opens the store of a process. */
export async function openFleetStore({
  name,
  url,
}: FleetEngine): Promise<{ store: SharedStore; close: () => unknown }> {
  if (name === 'PostgreSQL') {
    const [{ default: pg }, { postgresStore }] = await Promise.all([
      import('pg'),
      import('../packages/store-postgres/src/index.ts'),
    ]);
    const pool = new pg.Pool({ connectionString: url, max: 4 });
    return { store: postgresStore({ pool }), close: () => pool.end() };
  }
  const [{ createClient }, { redisStore }] = await Promise.all([
    import('redis'),
    import('../packages/store-redis/src/index.ts'),
  ]);
  const client = createClient({ url, disableOfflineQueue: true });
  client.on('error', () => undefined);
  await client.connect();
  return { store: redisStore({ client, lease: FLEET_LEASE_MS }), close: () => client.close() };
}

/** Starts an engine that keeps what it has confirmed. */
export async function startEngine(name: FleetEngine['name']): Promise<RunningEngine> {
  return name === 'PostgreSQL' ? startPostgresEngine() : startRedisEngine();
}

async function startPostgresEngine(): Promise<RunningEngine> {
  const { tableStatement } = await import('../packages/store-postgres/src/index.ts');
  const postgres = await startPostgres();
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: postgres.connectionString });
  await client.connect();
  await client.query(tableStatement());
  await client.end();
  return {
    name: 'PostgreSQL',
    url: postgres.connectionString,
    async crash() {
      await postgres.kill();
      await postgres.start();
    },
    restart: postgres.restart,
    [Symbol.asyncDispose]: () => postgres[Symbol.asyncDispose](),
  };
}

async function startRedisEngine(): Promise<RunningEngine> {
  const program = findRedis('the fleet');
  if (program === undefined) throw new Error('redis-server is not installed.');
  const redis = await startRedis(program, { isDurable: true });
  return {
    name: 'Redis',
    url: redis.url,
    async crash() {
      await redis.end('SIGKILL');
      await redis.start();
    },
    async restart() {
      await redis.end('SIGTERM');
      await redis.start();
    },
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
}
