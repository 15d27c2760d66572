import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { startProcess, temporaryDirectory, type TestProcess } from '@oa-internal/testing';
import { createManager, type Manager, type ManagerOptions } from '@oa/manager';
import { findPostgres, startPostgres, type TestPostgres } from '@oa-internal/testing/postgres';
import { postgresStore, tableStatement } from '@oa/store-postgres';
import { Pool, type PoolConfig } from 'pg';
import { afterAll, beforeAll, onTestFinished } from 'vitest';

export const isInstalled = findPostgres() !== undefined;

/** The server of a test file. */
export interface Fixture {
  server: TestPostgres;
  /** A pool that ends with the test. */
  pool: (options?: PoolConfig) => Pool;
}

/** Starts a server with the table before the tests of a file, and ends it after them. */
export function usePostgres(): Fixture {
  const fixture = {
    pool(options: PoolConfig = {}) {
      const pool = new Pool({ connectionString: fixture.server.connectionString, ...options });
      onTestFinished(() => pool.end());
      return pool;
    },
  } as Fixture;
  beforeAll(async () => {
    if (!isInstalled) return;
    fixture.server = await startPostgres({ fsync: false });
    const pool = new Pool({ connectionString: fixture.server.connectionString });
    await pool.query(tableStatement());
    await pool.end();
  });
  afterAll(() => fixture.server?.[Symbol.asyncDispose]());
  return fixture;
}

const GET = new URL('programs/get.ts', import.meta.url);

/** Where a program waits in the middle of a refresh. */
export type Pause = 'before the request' | 'before the write' | 'after the write';

/** What the program gets a token with. */
export interface GetTask {
  connectionString: string;
  target: { issuer: string; token_endpoint: string };
  client_id: string;
  /** The file that lets it begin. */
  go: string;
  pause?: Pause | undefined;
  /** The file that ends the pause. */
  resume: string;
}

/** A user who is logged in, with an expired access token and a refresh token that the server accepts once. */
export interface Session {
  server: AuthorizationServerHandle;
  /** A manager of this process, with a store of its own. */
  manager: Manager;
  target: GetTask['target'];
  credentials: { client_id: string; scope: string };
  /** Lets the stored access token expire, and forgets the requests so far. */
  expire: (left?: number) => Promise<void>;
  /** The number of refresh requests since `expire`. */
  refreshes: () => number;
  start: (pause?: Pause) => TestProcess;
  go: () => void;
  resume: () => void;
}

/** Logs a user in at an oidc-provider with rotating refresh tokens, which ends the session when one is used twice. */
export async function startSession(fixture: Fixture, options: ManagerOptions = {}): Promise<Session> {
  const server = await startAuthorizationServer();
  const directory = temporaryDirectory();
  onTestFinished(async () => {
    await server.close();
    rmSync(directory, { recursive: true });
  });
  const [go, resume] = [join(directory, 'go'), join(directory, 'resume')];
  const store = postgresStore({ pool: fixture.pool(), timeout: 2000 });
  const login = { openBrowser: (url: string) => server.logIn(url), print: () => undefined };
  const manager = createManager({ app: 'scenario', cache: store, login, ...options });
  const credentials = { client_id: server.public.client_id, scope: 'openid offline_access' };
  await manager.getToken(server.issuer, credentials);
  const target = { issuer: server.issuer, token_endpoint: `${server.issuer}/token` };
  const { client_id } = credentials;
  const programs: TestProcess[] = [];
  onTestFinished(() => {
    for (const { kill } of programs) kill('SIGKILL');
  });
  return {
    server,
    manager,
    target,
    credentials,
    async expire(left = -1) {
      for await (const key of store.keys())
        // With the lock held, what is stored is read, and not what this process has read before.
        await store.lock(key, async () => {
          const token = await store.get(key);
          const expires_at = Math.floor(Date.now() / 1000) + left;
          if (token?.refresh_token !== undefined) await store.set(key, { ...token, expires_in: 3600, expires_at });
        });
      server.requests.length = 0;
    },
    refreshes: () => server.count('/token', 'refresh_token'),
    start(pause) {
      const { connectionString } = fixture.server;
      const task: GetTask = { connectionString, target, client_id, go, pause, resume };
      const env = { ...process.env, XDG_CACHE_HOME: directory, XDG_CONFIG_HOME: directory };
      const program = startProcess(GET, { task, env });
      programs.push(program);
      return program;
    },
    go: () => writeFileSync(go, ''),
    resume: () => writeFileSync(resume, ''),
  };
}

/** The last line that a program printed. */
export async function resultOf({ ended }: TestProcess): Promise<string> {
  const { stdout, stderr } = await ended;
  return (stdout.trim().split('\n').at(-1) ?? '') + stderr;
}
