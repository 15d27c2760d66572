import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { fileTokenCache } from '@oa/token-cache';
import { expect, onTestFinished, test } from 'vitest';
import { aged, managerAt, startProcess, temporaryDirectory, tokens, type Outcome } from './workplace.ts';

async function age(directory: string, left: number): Promise<void> {
  const cache = fileTokenCache({ directory: tokens(directory) });
  for (const { key } of await cache.list()) {
    const token = await cache.get(key);
    if (token !== undefined) await cache.set(key, aged(token, left));
  }
}

const accessTokens = (outcomes: Outcome[]): Set<string> =>
  new Set(outcomes.map((outcome) => (outcome.ok ? outcome.access_token : outcome.code)));

test('D3: 20 processes, one expired rotating refresh token: one refresh, everyone succeeds, the session lives', async () => {
  await using server = await startAuthorizationServer();
  const directory = temporaryDirectory();
  const credentials = { client_id: server.public.client_id, scope: 'openid offline_access' };
  await managerAt(directory, { login: { openBrowser: (url) => server.logIn(url) } }).manager.getToken(
    server.issuer,
    credentials,
  );
  await age(directory, -1);
  server.requests.length = 0;
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, () => startProcess({ directory, target: server.issuer, credentials }).outcomes),
  );
  expect(accessTokens(outcomes.flat()).size).toBe(1);
  expect(outcomes.flat().every(({ ok }) => ok)).toBe(true);
  expect(server.count('/token', 'refresh_token')).toBe(1);
  await age(directory, -1);
  expect(await startProcess({ directory, target: server.issuer, credentials }).outcomes).toMatchObject([{ ok: true }]);
  expect(server.count('/token', 'refresh_token')).toBe(2);
});

test('20 processes and an empty cache, client credentials: one request', async () => {
  await using server = await startAuthorizationServer();
  const directory = temporaryDirectory();
  const job = { directory, target: server.issuer, credentials: server.confidential, calls: 10 };
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => startProcess(job).outcomes));
  expect(accessTokens(outcomes.flat()).size).toBe(1);
  expect(outcomes.flat().every(({ ok }) => ok)).toBe(true);
  expect(server.count('/token')).toBe(1);
});

test('C10: a server that answers 503 to all: at most 3 requests for 20 processes, typed errors, tokens kept', async () => {
  const server = await startScriptedServer(() => ({ status: 503, delay: 300 }));
  onTestFinished(() => server.close());
  const directory = temporaryDirectory();
  const target = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const outcomes = await Promise.all(
    Array.from(
      { length: 20 },
      () => startProcess({ directory, target, credentials: { client_id: 'c', client_secret: 's' } }).outcomes,
    ),
  );
  expect(accessTokens(outcomes.flat())).toEqual(new Set(['http_error']));
  expect(server.requests.length).toBeLessThanOrEqual(3);
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
  const credentials = { client_id: server.public.client_id, scope: 'openid offline_access' };
  await managerAt(directory, { login: { openBrowser: (url) => server.logIn(url) } }).manager.getToken(
    server.issuer,
    credentials,
  );
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
  const credentials = { client_id: server.public.client_id, scope: 'openid offline_access' };
  await managerAt(directory, { login: { openBrowser: (url) => server.logIn(url) } }).manager.getToken(
    server.issuer,
    credentials,
  );
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
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => startProcess(job).outcomes));
  expect(outcomes.flat().every(({ ok }) => ok)).toBe(true);
  expect(accessTokens(outcomes.flat()).size).toBe(1);
  expect(server.requests.filter(({ method, path }) => method === 'POST' && path === '/register')).toHaveLength(1);
  expect(server.count('/token', 'authorization_code')).toBe(1);
});
