import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { sourceArguments } from '@oa-internal/testing';
import type { Credentials } from '@oa/manager';
import { fileTokenCache, tokenKey } from '@oa/token-cache';
import type { Token } from '@oa/types';
import { expect, it, onTestFinished, vi } from 'vitest';
import {
  aged,
  bearer,
  startScripted,
  managerAt,
  startJob,
  runTogether,
  temporaryDirectory,
  tokensDirectory,
  type CallResult,
} from '../setup.ts';

// Fifty processes are slow to start on a small machine.
vi.setConfig({ testTimeout: 300_000 });

async function age(directory: string, left: number): Promise<void> {
  const cache = fileTokenCache({ directory: tokensDirectory(directory) });
  for (const { key } of await cache.list()) {
    const token = await cache.get(key);
    if (token !== undefined) await cache.set(key, aged(token, left));
  }
}

/** Logs a user in, in this process. */
async function loggedIn(
  server: AuthorizationServerHandle,
  directory: string,
): Promise<{ credentials: Credentials; token: Token }> {
  const credentials = { client_id: server.public.client_id, scope: 'openid offline_access' };
  const login = { openBrowser: (url: string) => server.logIn(url), print: () => {} };
  return { credentials, token: await managerAt(directory, { login }).manager.getToken(server.issuer, credentials) };
}

const accessTokens = (outcomes: CallResult[]): Set<string> =>
  new Set(outcomes.map((outcome) => (outcome.ok ? outcome.access_token : outcome.code)));

it('makes one refresh for 50 processes with one expired rotating refresh token; all succeed, and the session lives (RFC 9700 section 4.14.2)', async () => {
  await using server = await startAuthorizationServer();
  const directory = temporaryDirectory();
  const { credentials } = await loggedIn(server, directory);
  await age(directory, -1);
  server.requests.length = 0;
  const outcomes = await runTogether(50, { directory, target: server.issuer, credentials });
  expect(accessTokens(outcomes).size).toBe(1);
  expect(outcomes.every(({ ok }) => ok)).toBe(true);
  expect(server.count('/token', 'refresh_token')).toBe(1);
  await age(directory, -1);
  expect(await startJob({ directory, target: server.issuer, credentials }).results).toMatchObject([{ ok: true }]);
  expect(server.count('/token', 'refresh_token')).toBe(2);
});

it('makes one client credentials request for 50 processes with an empty cache', async () => {
  await using server = await startAuthorizationServer();
  const directory = temporaryDirectory();
  const outcomes = await runTogether(50, { directory, target: server.issuer, credentials: server.confidential });
  expect(accessTokens(outcomes).size).toBe(1);
  expect(outcomes.every(({ ok }) => ok)).toBe(true);
  expect(server.count('/token')).toBe(1);
});

it('makes one refresh for 200 concurrent 401s in 20 processes', async () => {
  await using server = await startAuthorizationServer();
  const directory = temporaryDirectory();
  const { credentials, token } = await loggedIn(server, directory);
  const { access_token: rejected } = token;
  const outcomes = await runTogether(20, { directory, target: server.issuer, credentials, rejected, calls: 10 });
  expect(outcomes).toHaveLength(200);
  expect(accessTokens(outcomes).size).toBe(1);
  expect(accessTokens(outcomes).has(rejected)).toBe(false);
  expect(server.count('/token', 'refresh_token')).toBe(1);
});

it('hands out a token at once to 20 processes near its expiry, and refreshes it early once', async () => {
  await using server = await startAuthorizationServer();
  const directory = temporaryDirectory();
  const { credentials } = await loggedIn(server, directory);
  await age(directory, 90);
  const outcomes = await runTogether(20, { directory, target: server.issuer, credentials });
  expect(outcomes.every(({ ok }) => ok)).toBe(true);
  expect(server.count('/token', 'refresh_token')).toBe(1);
});

it('sends at most 3 requests for 50 processes to a server that answers 503, and keeps the session (RFC 6749 section 5.2)', async () => {
  const server = await startScriptedServer(() => ({ status: 503, delay: 1000 }));
  onTestFinished(() => server.close());
  const directory = temporaryDirectory();
  managerAt(directory);
  const target = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const credentials = { client_id: 'p' };
  const key = tokenKey({ issuer: server.origin, grant_type: 'authorization_code', ...credentials });
  const expired = { access_token: 'old', token_type: 'Bearer', expires_in: 3600, expires_at: 1, refresh_token: 'only' };
  await fileTokenCache({ directory: tokensDirectory(directory) }).set(key, expired);
  for (let round = 0; round < 2; round += 1) {
    server.requests.length = 0;
    expect(accessTokens(await runTogether(50, { directory, target, credentials }))).toEqual(new Set(['http_error']));
    expect(server.requests.length).toBeLessThanOrEqual(3);
    expect(server.requestsTo('/token').every(({ form }) => form.get('refresh_token') === 'only')).toBe(true);
  }
  server.script(() => ({ json: { access_token: 'recovered', token_type: 'Bearer', expires_in: 3600 } }));
  expect(accessTokens(await runTogether(5, { directory, target, credentials }))).toEqual(new Set(['recovered']));
});

it('hands out the right token for ten issuers, ten clients and ten scopes, in one process and over five', async () => {
  const servers = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const server = await startScriptedServer();
      server.script(({ form }) => ({
        json: {
          access_token: [server.origin, form.get('client_id'), form.get('scope')].join('|'),
          token_type: 'Bearer',
          expires_in: 3600,
        },
      }));
      onTestFinished(() => server.close());
      return server;
    }),
  );
  const ten = Array.from({ length: 10 }, (_, index) => String(index));
  const jobs = servers.flatMap(({ origin }) =>
    ten.flatMap((client) =>
      ten.map((scope) => ({
        target: { issuer: origin, token_endpoint: `${origin}/token` },
        credentials: {
          client_id: `client-${client}`,
          client_secret: 'secret',
          scope: `scope-${scope}`,
          token_endpoint_auth_method: 'client_secret_post',
        },
        expected: `${origin}|client-${client}|scope-${scope}`,
      })),
    ),
  );
  const directory = temporaryDirectory();
  const { manager } = managerAt(directory);
  const got = await Promise.all(jobs.map(({ target, credentials }) => manager.getToken(target, credentials)));
  expect(got.map(({ access_token }) => access_token)).toEqual(jobs.map(({ expected }) => expected));
  const requests = (): number => servers.reduce((sum, server) => sum + server.requests.length, 0);
  expect(requests()).toBe(1000);
  const [first, ...more] = jobs.map(({ target, credentials }) => ({ target, credentials }));
  if (first === undefined) throw new Error('no jobs');
  const outcomes = await runTogether(5, { directory, ...first, more });
  const expected = Array.from({ length: 5 }, () => jobs.map((job) => job.expected)).flat();
  expect(outcomes.map((outcome) => outcome.ok && outcome.access_token)).toEqual(expected);
  expect(requests()).toBe(1000);
});

it('proceeds in the next process when the lock holder is killed before its request', async () => {
  const server = await startScriptedServer();
  onTestFinished(() => server.close());
  const directory = temporaryDirectory();
  const target = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const credentials = { client_id: 'c', client_secret: 's' };
  server.script((_, index) =>
    index === 0 ? { drop: 'never' } : { json: { access_token: 'second', token_type: 'Bearer', expires_in: 3600 } },
  );
  const holder = startJob({ directory, target, credentials });
  await expect.poll(() => server.requests.length, { timeout: 20_000 }).toBe(1);
  const next = startJob({ directory, target, credentials });
  holder.kill('SIGKILL');
  expect((await holder.ended).signal).toBe('SIGKILL');
  expect(await next.results).toMatchObject([{ ok: true, access_token: 'second' }]);
});

it('explains with refresh_interrupted that a process was killed between its refresh request and its write', async () => {
  await using server = await startAuthorizationServer();
  const directory = temporaryDirectory();
  const { credentials } = await loggedIn(server, directory);
  await age(directory, -1);
  const scripted = await startScriptedServer((_, index) =>
    index === 0 ? { drop: 'never' } : { status: 400, json: { error: 'invalid_grant' } },
  );
  onTestFinished(() => scripted.close());
  const target = { issuer: server.issuer, token_endpoint: `${scripted.origin}/token` };
  const holder = startJob({ directory, target, credentials });
  await expect.poll(() => scripted.requests.length, { timeout: 20_000 }).toBe(1);
  holder.kill('SIGKILL');
  await holder.ended;
  expect(await startJob({ directory, target, credentials }).results).toMatchObject([
    { ok: false, code: 'refresh_interrupted' },
  ]);
  expect(await startJob({ directory, target, credentials }).results).toMatchObject([
    { ok: false, code: 'login_required' },
  ]);
});

it('stores the answer to a refresh before SIGTERM ends the process', async () => {
  await using server = await startAuthorizationServer();
  const directory = temporaryDirectory();
  const { credentials } = await loggedIn(server, directory);
  await age(directory, -1);
  const scripted = await startScriptedServer(() => ({
    delay: 500,
    json: { access_token: 'late', token_type: 'Bearer', expires_in: 3600, refresh_token: 'rotated' },
  }));
  onTestFinished(() => scripted.close());
  const target = { issuer: server.issuer, token_endpoint: `${scripted.origin}/token` };
  const holder = startJob({ directory, target, credentials });
  await expect.poll(() => scripted.requests.length, { timeout: 20_000 }).toBe(1);
  holder.kill('SIGTERM');
  expect((await holder.ended).signal).toBe('SIGTERM');
  const stored = await startJob({ directory, target, credentials }).results;
  expect(stored).toMatchObject([{ ok: true, access_token: 'late' }]);
  expect(scripted.requests).toHaveLength(1);
});

it('makes one registration and one login for 5 processes that need both (RFC 7591)', async () => {
  await using server = await startAuthorizationServer();
  const agent = await startScriptedServer(async ({ url }) => {
    await server.logIn(new URL(url, server.issuer).searchParams.get('url') ?? '');
    return {};
  });
  onTestFinished(() => agent.close());
  const job = {
    directory: temporaryDirectory(),
    target: server.issuer,
    credentials: { scope: 'openid offline_access' },
    agent: agent.origin,
  };
  const outcomes = await runTogether(5, job);
  expect(outcomes.every(({ ok }) => ok)).toBe(true);
  expect(accessTokens(outcomes).size).toBe(1);
  expect(server.requests.filter(({ method, path }) => method === 'POST' && path === '/register')).toHaveLength(1);
  expect(server.count('/token', 'authorization_code')).toBe(1);
});

it('makes one request for 8 worker threads and an empty cache', async () => {
  const { server, metadata } = await startScripted(() => ({ delay: 200, ...bearer('one') }));
  const directory = temporaryDirectory();
  managerAt(directory);
  const job = { directory, target: metadata, credentials: { client_id: 'c', client_secret: 's' } };
  const program = join(import.meta.dirname, '../programs/thread.ts');
  const exits = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const execArgv = [...sourceArguments];
      const worker = new Worker(program, { workerData: { job, expected: 'one' }, execArgv });
      const [code] = (await once(worker, 'exit')) as [number];
      return code;
    }),
  );
  expect(exits).toEqual(Array.from({ length: 8 }, () => 0));
  expect(server.requests).toHaveLength(1);
});
