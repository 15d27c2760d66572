import {
  startAuthorizationServer,
  startProtectedApi,
  type AuthorizationServerHandle,
  type ProtectedApi,
} from '@oa-internal/authorization-server';
import { agentEnvironment } from '@oa-internal/authorization-server/agent';
import type { TestProcess } from '@oa-internal/testing';
import { findPostgres, startPostgres, type TestPostgres } from '@oa-internal/testing/postgres';
import { postgresStore, tableStatement } from '@oa/store-postgres';
import { tokenKey } from '@oa/token-cache';
import { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startGate } from './gate.ts';
import { logIn, startRecipe } from './recipe.ts';

interface Replica {
  process: TestProcess;
  url: string;
}

describe.skipIf(findPostgres() === undefined)('three replicas behind one PostgreSQL', () => {
  let server: AuthorizationServerHandle;
  let api: ProtectedApi;
  let postgres: TestPostgres;
  let replicas: Replica[];
  beforeAll(async () => {
    postgres = await startPostgres({ fsync: false });
  });
  afterAll(() => postgres[Symbol.asyncDispose]());
  beforeEach(async () => {
    replicas = [];
    server = await startAuthorizationServer();
    api = await startProtectedApi(server);
    if (postgres.pid() === 0) await postgres.start();
    await query(`drop table if exists oa_tokens; ${tableStatement()}`);
  });
  afterEach(async () => {
    for (const replica of replicas) replica.process.kill('SIGKILL');
    await Promise.all(replicas.map(({ process }) => process.ended));
    await api.close();
    await server.close();
  });

  async function query(statement: string): Promise<void> {
    const pool = new Pool({ connectionString: postgres.connectionString });
    await pool.query(statement);
    await pool.end();
  }

  const environment = () => ({
    OA_ISSUER: server.issuer,
    OA_CLIENT_ID: server.public.client_id,
    OA_API: api.url,
    DATABASE_URL: postgres.connectionString,
    PORT: '0',
  });

  /** Logs in as an operator does, and starts three replicas. */
  async function startAll(): Promise<void> {
    await query('drop table oa_tokens');
    const login = startRecipe('replicas.ts', { ...environment(), ...agentEnvironment(server.issuer) }, ['login']);
    const { code, stderr } = await login.ended;
    if (code !== 0) throw new Error(`The login has failed: ${stderr}`);
    await Promise.all([startReplica(), startReplica(), startReplica()]);
    server.requests.length = 0;
  }

  async function startReplica(issuer = server.issuer): Promise<Replica> {
    const process = startRecipe('replicas.ts', { ...environment(), OA_ISSUER: issuer });
    const replica = { process, url: '' };
    replicas.push(replica);
    const [, port] = await process.printed(/port: (\d+)/);
    replica.url = `http://127.0.0.1:${port}/`;
    return replica;
  }

  /** The distinct answers to ten requests to each of the replicas at the same time. */
  async function ask(asked: readonly Replica[]): Promise<string[]> {
    const urls = asked.flatMap(({ url }) => Array.from({ length: 10 }, () => url));
    const answers = urls.map(async (url) => {
      const response = await fetch(url);
      return `${response.status} ${await response.text()}`.trim();
    });
    return Array.from(new Set(await Promise.all(answers)));
  }

  const refreshes = () => server.requests.filter((one) => one.grant_type === 'refresh_token').map((one) => one.status);

  it('sends one refresh request for all of them', async () => {
    await startAll();
    expect(await ask(replicas)).toEqual(['200']);
    expect(refreshes()).toEqual([]);
    server.dropAccessTokens();
    expect(await ask(replicas)).toEqual(['200']);
    expect(refreshes()).toEqual([200]);
  });

  it('goes on without a killed replica, and a new one has the token of the others', async () => {
    await startAll();
    const [killed, ...others] = replicas;
    killed?.process.kill('SIGKILL');
    await killed?.process.ended;
    server.dropAccessTokens();
    expect(await ask(others)).toEqual(['200']);
    expect(await ask([await startReplica()])).toEqual(['200']);
    expect(refreshes()).toEqual([200]);
  });

  it('serves the valid token while the database is away, and sends no refresh request', async () => {
    await startAll();
    expect(await ask(replicas)).toEqual(['200']);
    await postgres.stop();
    expect(await ask(replicas)).toEqual(['200']);
    const late = await startReplica();
    expect(await ask([late])).toEqual(['503 storage_unavailable']);

    // The answer of the API, because there is no other token.
    server.dropAccessTokens();
    expect(await ask(replicas.slice(0, 3))).toEqual(['401']);
    expect(refreshes()).toEqual([]);

    await postgres.start();
    await expect.poll(() => ask(replicas), { timeout: 60_000 }).toEqual(['200']);
    expect(refreshes()).toEqual([200]);
  });

  it.each([
    ['before its request has arrived at the server', 'request', [200], '200'],
    ['before it has stored the answer', 'answer', [200, 400], '503 refresh_interrupted'],
  ] as const)('frees the lock of a replica that is killed %s', async (_title, held, statuses, answer) => {
    await using gate = await startGate(server.issuer);
    await keepExpired(gate.origin);
    const killed = await startReplica(gate.origin);
    const others = [await startReplica(gate.origin), await startReplica(gate.origin)];
    const { arrived, release } = gate.hold(held);
    const lost = fetch(killed.url).catch(() => 'lost');
    await arrived;
    killed.process.kill('SIGKILL');
    expect(await lost).toBe('lost');
    // What is kept back never arrives, or its sender is gone.
    if (held === 'answer') release();
    // Calls that have not waited for the refused refresh find no session.
    expect((await ask(others)).filter((each) => each !== '503 login_required')).toEqual([answer]);
    expect(refreshes()).toEqual(statuses);
  });

  /** Stores the token of a login at `issuer`, with an access token that has expired. */
  async function keepExpired(issuer: string): Promise<void> {
    const pool = new Pool({ connectionString: postgres.connectionString });
    const credentials = { client_id: server.public.client_id, scope: 'openid offline_access' };
    const key = tokenKey({ issuer, ...credentials, grant_type: 'authorization_code' });
    await postgresStore({ pool }).set(key, { ...(await logIn(server)), expires_at: 1 });
    await pool.end();
  }

  it('answers login_required where there is no session, and shows no password of the database', async () => {
    const other = startRecipe('replicas.ts', environment());
    const [, port] = await other.printed(/port: (\d+)/);
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect([response.status, await response.text()]).toEqual([503, 'login_required']);
    await postgres.stop();
    const unavailable = await fetch(`http://127.0.0.1:${port}/`);
    expect([unavailable.status, await unavailable.text()]).toEqual([503, 'storage_unavailable']);
    other.kill('SIGKILL');
    const { stdout, stderr } = await other.ended;
    expect(stdout + stderr).not.toContain(postgres.password);
    expect(server.count('/token')).toBe(0);
  });
});
