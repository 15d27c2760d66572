import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { startScriptedServer } from '@oa-internal/scripted-server';
import type { Credentials } from '@oa/manager';
import { fileTokenCache, tokenKey } from '@oa/token-cache';
import type { Token } from '@oa/types';
import { expect, onTestFinished, test, vi } from 'vitest';
import { aged, managerAt, startProcess, startTogether, temporaryDirectory, tokens, type Outcome } from './workplace.ts';

// Fifty processes take their time on a small machine.
vi.setConfig({ testTimeout: 120_000 });

async function age(directory: string, left: number): Promise<void> {
  const cache = fileTokenCache({ directory: tokens(directory) });
  for (const { key } of await cache.list()) {
    const token = await cache.get(key);
    if (token !== undefined) await cache.set(key, aged(token, left));
  }
}

/** A person has logged in, in this process. */
async function loggedIn(
  server: AuthorizationServerHandle,
  directory: string,
): Promise<{ credentials: Credentials; token: Token }> {
  const credentials = { client_id: server.public.client_id, scope: 'openid offline_access' };
  const login = { openBrowser: (url: string) => server.logIn(url), print: () => {} };
  return { credentials, token: await managerAt(directory, { login }).manager.getToken(server.issuer, credentials) };
}

const accessTokens = (outcomes: Outcome[]): Set<string> =>
  new Set(outcomes.map((outcome) => (outcome.ok ? outcome.access_token : outcome.code)));

test('D3: 50 processes, one expired rotating refresh token: one refresh, everyone succeeds, the session lives', async () => {
  await using server = await startAuthorizationServer();
  const directory = temporaryDirectory();
  const { credentials } = await loggedIn(server, directory);
  await age(directory, -1);
  server.requests.length = 0;
  const outcomes = await startTogether(50, { directory, target: server.issuer, credentials });
  expect(accessTokens(outcomes).size).toBe(1);
  expect(outcomes.every(({ ok }) => ok)).toBe(true);
  expect(server.count('/token', 'refresh_token')).toBe(1);
  await age(directory, -1);
  expect(await startProcess({ directory, target: server.issuer, credentials }).outcomes).toMatchObject([{ ok: true }]);
  expect(server.count('/token', 'refresh_token')).toBe(2);
});

test('50 processes and an empty cache, client credentials: one request', async () => {
  await using server = await startAuthorizationServer();
  const directory = temporaryDirectory();
  const outcomes = await startTogether(50, { directory, target: server.issuer, credentials: server.confidential });
  expect(accessTokens(outcomes).size).toBe(1);
  expect(outcomes.every(({ ok }) => ok)).toBe(true);
  expect(server.count('/token')).toBe(1);
});

test('D3: 20 processes with 10 refused calls each: one refresh for 200 concurrent 401s', async () => {
  await using server = await startAuthorizationServer();
  const directory = temporaryDirectory();
  const { credentials, token } = await loggedIn(server, directory);
  const { access_token: rejected } = token;
  const outcomes = await startTogether(20, { directory, target: server.issuer, credentials, rejected, calls: 10 });
  expect(outcomes).toHaveLength(200);
  expect(accessTokens(outcomes).size).toBe(1);
  expect(accessTokens(outcomes).has(rejected)).toBe(false);
  expect(server.count('/token', 'refresh_token')).toBe(1);
});

test('20 processes near the expiry: everyone has a token at once, and one refreshes ahead of time', async () => {
  await using server = await startAuthorizationServer();
  const directory = temporaryDirectory();
  const { credentials } = await loggedIn(server, directory);
  await age(directory, 90);
  const outcomes = await startTogether(20, { directory, target: server.issuer, credentials });
  expect(outcomes.every(({ ok }) => ok)).toBe(true);
  expect(server.count('/token', 'refresh_token')).toBe(1);
});

test('C10: a server that answers 503 to all, then recovers: at most 3 requests a round for 50 processes, nobody is logged out', async () => {
  const server = await startScriptedServer(() => ({ status: 503, delay: 1000 }));
  onTestFinished(() => server.close());
  const directory = temporaryDirectory();
  managerAt(directory);
  const target = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const credentials = { client_id: 'p' };
  const key = tokenKey({ issuer: server.origin, grant_type: 'authorization_code', ...credentials });
  const expired = { access_token: 'old', token_type: 'Bearer', expires_in: 3600, expires_at: 1, refresh_token: 'only' };
  await fileTokenCache({ directory: tokens(directory) }).set(key, expired);
  for (let round = 0; round < 2; round += 1) {
    server.requests.length = 0;
    expect(accessTokens(await startTogether(50, { directory, target, credentials }))).toEqual(new Set(['http_error']));
    expect(server.requests.length).toBeLessThanOrEqual(3);
    expect(server.requestsTo('/token').every(({ form }) => form.get('refresh_token') === 'only')).toBe(true);
  }
  server.script(() => ({ json: { access_token: 'recovered', token_type: 'Bearer', expires_in: 3600 } }));
  expect(accessTokens(await startTogether(5, { directory, target, credentials }))).toEqual(new Set(['recovered']));
});

test('ten issuers, ten clients, ten scopes, in one process and over five: the right token every time', async () => {
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
  const outcomes = await startTogether(5, { directory, ...first, more });
  const expected = Array.from({ length: 5 }, () => jobs.map((job) => job.expected)).flat();
  expect(outcomes.map((outcome) => outcome.ok && outcome.access_token)).toEqual(expected);
  expect(requests()).toBe(1000);
});

test('D5: the holder is killed before its request: the next one proceeds', async () => {
  const server = await startScriptedServer();
  onTestFinished(() => server.close());
  const directory = temporaryDirectory();
  const target = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const credentials = { client_id: 'c', client_secret: 's' };
  server.script((_, index) =>
    index === 0 ? { drop: 'never' } : { json: { access_token: 'second', token_type: 'Bearer', expires_in: 3600 } },
  );
  const holder = startProcess({ directory, target, credentials });
  await expect.poll(() => server.requests.length, { timeout: 20_000 }).toBe(1);
  const next = startProcess({ directory, target, credentials });
  holder.kill('SIGKILL');
  expect(await holder.exit).toBe('SIGKILL');
  expect(await next.outcomes).toMatchObject([{ ok: true, access_token: 'second' }]);
});

test('a holder killed between the request and the write: a typed, explained error when the refresh token is used up', async () => {
  await using server = await startAuthorizationServer();
  const directory = temporaryDirectory();
  const { credentials } = await loggedIn(server, directory);
  await age(directory, -1);
  const scripted = await startScriptedServer((_, index) =>
    index === 0 ? { drop: 'never' } : { status: 400, json: { error: 'invalid_grant' } },
  );
  onTestFinished(() => scripted.close());
  const target = { issuer: server.issuer, token_endpoint: `${scripted.origin}/token` };
  const holder = startProcess({ directory, target, credentials });
  await expect.poll(() => scripted.requests.length, { timeout: 20_000 }).toBe(1);
  holder.kill('SIGKILL');
  await holder.exit;
  expect(await startProcess({ directory, target, credentials }).outcomes).toMatchObject([
    { ok: false, code: 'refresh_interrupted' },
  ]);
  expect(await startProcess({ directory, target, credentials }).outcomes).toMatchObject([
    { ok: false, code: 'login_required' },
  ]);
});

test('SIGTERM during a refresh: the answer is stored before the process ends', async () => {
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
  const holder = startProcess({ directory, target, credentials });
  await expect.poll(() => scripted.requests.length, { timeout: 20_000 }).toBe(1);
  holder.kill('SIGTERM');
  expect(await holder.exit).toBe('SIGTERM');
  const stored = await startProcess({ directory, target, credentials }).outcomes;
  expect(stored).toMatchObject([{ ok: true, access_token: 'late' }]);
  expect(scripted.requests).toHaveLength(1);
});

test('D10: 5 processes that need a client registration and a login: one of each', async () => {
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
  const outcomes = await startTogether(5, job);
  expect(outcomes.every(({ ok }) => ok)).toBe(true);
  expect(accessTokens(outcomes).size).toBe(1);
  expect(server.requests.filter(({ method, path }) => method === 'POST' && path === '/register')).toHaveLength(1);
  expect(server.count('/token', 'authorization_code')).toBe(1);
});
