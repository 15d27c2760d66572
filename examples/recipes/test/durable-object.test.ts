import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  startAuthorizationServer,
  startProtectedApi,
  type AuthorizationServerHandle,
  type ProtectedApi,
} from '@oa-internal/authorization-server';
import { temporaryDirectory } from '@oa-internal/testing';
import type { Token } from '@oa/types';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startGate, type Gate } from './gate.ts';
import { folder, logIn } from './recipe.ts';
import { bundleWorker, findWorkerd, startWorkerd, type Workerd } from './workerd.ts';

/** Stands for the Worker that receives the callback of a login. */
const LOGIN_WORKER = `export default {
  async fetch(request, env) {
    await env.SESSIONS.getByName('my-account').keep(await request.json());
    return new Response('kept');
  },
};`;

const program = findWorkerd();

describe.skipIf(program === undefined)('a Durable Object as the lock', () => {
  let code: string;
  let directory: string;
  let server: AuthorizationServerHandle;
  let api: ProtectedApi;
  let gate: Gate;
  let workerd: Workerd;
  let token: Token;
  beforeAll(async () => {
    code = await bundleWorker(join(folder, 'durable-object.ts'));
  });
  beforeEach(async () => {
    directory = temporaryDirectory();
    server = await startAuthorizationServer();
    api = await startProtectedApi(server);
    gate = await startGate(server.issuer);
    token = await logIn(server);
    server.requests.length = 0;
    await start();
  });
  afterEach(async () => {
    await workerd.kill();
    await gate.close();
    await api.close();
    await server.close();
    rmSync(directory, { recursive: true });
    if (workerd.output() !== '') throw new Error(`workerd has printed: ${workerd.output()}`);
  });

  async function start(): Promise<void> {
    const variables = {
      ISSUER: server.issuer,
      TOKEN_ENDPOINT: `${gate.origin}/token`,
      CLIENT_ID: server.public.client_id,
      API: api.url,
    };
    workerd = await startWorkerd(program ?? '', directory, {
      one: { code, variables },
      two: { code, variables },
      login: { code: LOGIN_WORKER, variables: {} },
    });
  }

  async function call(worker: string, init: RequestInit = {}): Promise<[status: number, body: unknown]> {
    const response = await fetch(workerd.urls[worker] ?? '', init);
    return [response.status, await response.json()];
  }

  /** Keeps the token of the login, whose access token has expired. */
  async function keepExpired(): Promise<void> {
    const body = JSON.stringify({ ...token, expires_at: 1 });
    expect(await (await fetch(workerd.urls['login'] ?? '', { method: 'POST', body })).text()).toBe('kept');
  }

  const refreshes = () => server.requests.filter((one) => one.grant_type === 'refresh_token').map((one) => one.status);

  it('sends one refresh request for 50 calls of two Workers at the same time, and all get its token', async () => {
    await keepExpired();
    const calls = Array.from({ length: 50 }, (_, index) => call(index % 2 === 0 ? 'one' : 'two'));
    const answers = await Promise.all(calls);
    expect(new Set(answers.map(([status]) => status))).toEqual(new Set([200]));
    expect(answers.every(([, body]) => (body as { hello: string }).hello === 'ada')).toBe(true);
    expect(refreshes()).toEqual([200]);
  });

  it('stores each new refresh token, also for the time after a restart', async () => {
    server.setAccessTokenTtl(1);
    await keepExpired();
    expect(await call('one')).toMatchObject([200, {}]);
    await workerd.kill();
    await start();
    await expect
      .poll(async () => [(await call('two'))[0], refreshes().length > 2], { timeout: 20_000 })
      .toEqual([200, true]);
    expect(new Set(refreshes())).toEqual(new Set([200]));

    server.setAccessTokenTtl(3600);
    await expect.poll(async () => call('one').then(() => refreshes().length), { timeout: 20_000 }).toBeGreaterThan(3);
    const { length } = refreshes();
    await workerd.kill();
    await start();
    expect(await call('one')).toMatchObject([200, {}]);
    expect(refreshes()).toHaveLength(length);
  });

  it('says that the refresh was interrupted where it was killed before the answer was stored', async () => {
    await keepExpired();
    const held = gate.hold('answer');
    const lost = call('one').catch(() => 'lost');
    await held.arrived;
    await workerd.kill();
    held.release();
    expect(await lost).toBe('lost');
    expect(refreshes()).toEqual([200]);

    await start();
    expect(await call('two')).toEqual([500, { error: 'refresh_interrupted', retryable: false }]);
    expect(refreshes()).toEqual([200, 400]);
    // Not again: the server has refused the refresh token.
    expect(await call('one')).toEqual([500, { error: 'login_required', retryable: false }]);
    expect(refreshes()).toHaveLength(2);

    await fetch(workerd.urls['login'] ?? '', { method: 'POST', body: JSON.stringify(await logIn(server)) });
    expect(await call('one')).toMatchObject([200, {}]);
  });

  it('stores the answer where the caller has left', async () => {
    await keepExpired();
    const held = gate.hold('answer');
    const left = new AbortController();
    const leaving = call('one', { signal: left.signal }).catch(() => 'left');
    await held.arrived;
    left.abort();
    expect(await leaving).toBe('left');
    // Until workerd has noticed. No other call is there.
    await setTimeout(500);
    held.release();
    await setTimeout(500);
    expect(await call('two')).toMatchObject([200, {}]);
    expect(refreshes()).toEqual([200]);
  });

  it('ends the session where the server refuses the refresh token', async () => {
    await keepExpired();
    expect(await call('one')).toMatchObject([200, {}]);
    token = { ...token, refresh_token: 'another' };
    await keepExpired();
    expect(await call('one')).toEqual([500, { error: 'login_required', retryable: false }]);
    expect(await call('one')).toEqual([500, { error: 'login_required', retryable: false }]);
    expect(refreshes()).toEqual([200, 400]);
  });

  it('answers 503 while the server is away, and keeps the session', async () => {
    await keepExpired();
    gate.isAway = true;
    expect(await call('one')).toEqual([503, { error: 'http_error', retryable: true }]);
    expect(refreshes()).toEqual([]);
    gate.isAway = false;
    await expect.poll(() => call('one'), { timeout: 60_000 }).toMatchObject([200, {}]);
    expect(refreshes()).toEqual([200]);
  });

  it('answers login_required without a session', async () => {
    expect(await call('one')).toEqual([500, { error: 'login_required', retryable: false }]);
    expect(server.requests).toEqual([]);
  });
});
