import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { startScriptedServer, type RecordedRequest } from '@oa-internal/scripted-server';
import { createManager, type Credentials } from '@oa/manager';
import { fileTokenCache } from '@oa/token-cache';
import type { Token } from '@oa/types';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { aged, managerAt, temporaryDirectory, tokens } from './workplace.ts';

let server: AuthorizationServerHandle;
beforeAll(async () => {
  server = await startAuthorizationServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.requests.length = 0;
});

/** A browser whose person logs in at once. */
const login = { openBrowser: (url: string): Promise<Response> => server.logIn(url) };
const person = (): Credentials => ({ client_id: server.public.client_id, scope: 'openid offline_access' });

/** What is in the one token file below `directory`. */
function onDisk(directory: string): Token {
  const names = readdirSync(tokens(directory)).filter((name) => name.endsWith('.json'));
  expect(names).toHaveLength(1);
  return (JSON.parse(readFileSync(join(tokens(directory), names[0] ?? ''), 'utf8')) as { token: Token }).token;
}

/** Changes every stored token, as time or another program would. */
async function change(directory: string, edit: (token: Token) => Token): Promise<Token> {
  const cache = fileTokenCache({ directory: tokens(directory) });
  let edited: Token | undefined;
  for (const { key } of await cache.list()) {
    const token = await cache.get(key);
    if (token !== undefined) await cache.set(key, (edited = edit(token)));
  }
  if (edited === undefined) throw new Error('nothing is stored');
  return edited;
}

async function loggedIn(directory: string): Promise<Token> {
  const token = await managerAt(directory, { login }).manager.getToken(server.issuer, person());
  server.requests.length = 0;
  return token;
}

test('a secret means client credentials; the second process makes no request', async () => {
  const directory = temporaryDirectory();
  const first = await managerAt(directory).manager.getToken(server.issuer, server.confidential);
  expect(server.requests.map(({ path }) => path)).toEqual(['/.well-known/oauth-authorization-server', '/token']);
  const second = managerAt(directory);
  expect(await second.manager.getToken(server.issuer, server.confidential)).toEqual(first);
  expect(server.requests).toHaveLength(2);
  expect(second.events).toEqual([{ type: 'cache_hit', issuer: server.issuer }]);
});

test('D7: the token is on disk exactly as received plus expires_at, in a private file', async () => {
  const directory = temporaryDirectory();
  const token = await managerAt(directory).manager.getToken(server.issuer, server.confidential);
  expect(onDisk(directory)).toEqual(token);
  expect(token.expires_at).toBeGreaterThan(Date.now() / 1000 + 3500);
  const name = readdirSync(tokens(directory)).find((one) => one.endsWith('.json')) ?? '';
  expect(statSync(join(tokens(directory), name)).mode & 0o777).toBe(0o600);
});

test('no secret means a browser login; afterwards the token is cached', async () => {
  const directory = temporaryDirectory();
  const { manager, events } = managerAt(directory, { login });
  const token = await manager.getToken(server.issuer, person());
  expect(token.refresh_token).toBeDefined();
  expect(events).toContainEqual({ type: 'obtained', issuer: server.issuer, grant_type: 'authorization_code' });
  server.requests.length = 0;
  expect(await managerAt(directory).manager.getToken(server.issuer, person())).toEqual(token);
  expect(server.requests).toEqual([]);
});

test('the events say why a browser was opened', async () => {
  const directory = temporaryDirectory();
  const reasons = async (): Promise<unknown[]> => {
    const { manager, events } = managerAt(directory, { login });
    await manager.getToken(server.issuer, person());
    return events.flatMap((event) => (event.type === 'grant_needed' ? [event.reason] : []));
  };
  expect(await reasons()).toEqual(['nothing_stored']);
  expect(await reasons()).toEqual([]);
  await change(directory, (token) => ({ ...aged(token, -1), refresh_token: 'never-issued' }));
  expect(await reasons()).toEqual(['session_ended']);
  await change(directory, ({ access_token, token_type }) => aged({ access_token, token_type }, -1));
  expect(await reasons()).toEqual(['not_refreshable']);
});

test('who waits for another call says so, once', async () => {
  const directory = temporaryDirectory();
  const scripted = await startScriptedServer(() => ({
    delay: 300,
    json: { access_token: 'a', token_type: 'Bearer', expires_in: 3600 },
  }));
  onTestFinished(() => scripted.close());
  const target = { issuer: scripted.origin, token_endpoint: `${scripted.origin}/token` };
  const two = [managerAt(directory), managerAt(directory)];
  await Promise.all(two.map(({ manager }) => manager.getToken(target, { client_id: 'c', client_secret: 's' })));
  const told = two.map(({ events }) => events.map(({ type }) => type));
  expect(told).toContainEqual(['grant_needed', 'obtained']);
  expect(told).toContainEqual(['waiting', 'adopted']);
});

test('D1: less than 60 s left means one refresh, and the new refresh token is on disk when the token is handed out', async () => {
  const directory = temporaryDirectory();
  const old = await loggedIn(directory);
  await change(directory, (token) => aged(token, 59));
  const { manager, events } = managerAt(directory);
  const token = await manager.getToken(server.issuer, person());
  expect(token.access_token).not.toBe(old.access_token);
  expect(onDisk(directory)).toEqual(token);
  expect(server.count('/token', 'refresh_token')).toBe(1);
  expect(events.map(({ type }) => type)).toEqual(['refreshed']);
});

test('more than five leeways left means no refresh', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  await change(directory, (token) => aged(token, 301));
  await managerAt(directory).manager.getToken(server.issuer, person());
  expect(server.requests).toEqual([]);
});

test('a token near its end is handed out at once and refreshed in the background, by one of many callers', async () => {
  const directory = temporaryDirectory();
  const old = await loggedIn(directory);
  await change(directory, (token) => aged(token, 90));
  const { manager, events } = managerAt(directory);
  const tokens = await Promise.all(Array.from({ length: 50 }, () => manager.getToken(server.issuer, person())));
  expect(new Set(tokens.map((token) => token.access_token))).toEqual(new Set([old.access_token]));
  await expect.poll(() => events.filter(({ type }) => type === 'refreshed')).toHaveLength(1);
  expect(server.count('/token', 'refresh_token')).toBe(1);
  expect((await manager.getToken(server.issuer, person())).access_token).not.toBe(old.access_token);
});

test('minimumValidity: a token that does not stay valid for long enough is refreshed', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  await change(directory, (token) => aged(token, 1000));
  const { manager } = managerAt(directory);
  await manager.getToken(server.issuer, person(), { minimumValidity: 900_000 });
  expect(server.count('/token')).toBe(0);
  await manager.getToken(server.issuer, person(), { minimumValidity: 1_100_000 });
  expect(server.count('/token')).toBe(1);
});

test('more validity than the server ever gives costs one refresh, not one for each call', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  await change(directory, (token) => aged(token, 1000));
  const { manager } = managerAt(directory);
  await manager.getToken(server.issuer, person(), { minimumValidity: 86_400_000 });
  await manager.getToken(server.issuer, person(), { minimumValidity: 86_400_000 });
  expect(server.count('/token')).toBe(1);
});

test('200 concurrent calls with an expired token: one request', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  await change(directory, (token) => aged(token, 1));
  const { manager } = managerAt(directory);
  const tokens = await Promise.all(Array.from({ length: 200 }, () => manager.getToken(server.issuer, person())));
  expect(new Set(tokens.map((token) => token.access_token)).size).toBe(1);
  expect(server.count('/token')).toBe(1);
});

test('200 concurrent 401s: one refresh, and the rejected token is not handed out', async () => {
  const directory = temporaryDirectory();
  const { access_token: rejected } = await loggedIn(directory);
  const source = managerAt(directory).manager.source(server.issuer, person());
  const tokens = await Promise.all(Array.from({ length: 200 }, () => source({ rejected })));
  expect(new Set(tokens.map((token) => token.access_token)).size).toBe(1);
  expect(tokens[0]?.access_token).not.toBe(rejected);
  expect(server.count('/token')).toBe(1);
  await source({ rejected });
  expect(server.count('/token')).toBe(1);
});

test('D4: a refused refresh token that another program has replaced meanwhile is not deleted: the new one is used', async () => {
  const directory = temporaryDirectory();
  const good = await loggedIn(directory);
  const scripted = await startScriptedServer();
  onTestFinished(() => scripted.close());
  const target = { issuer: server.issuer, token_endpoint: `${scripted.origin}/token` };
  await change(directory, (token) => ({ ...aged(token, 1), refresh_token: 'stale' }));
  scripted.script(async ({ form }) => {
    if (form.get('refresh_token') === 'stale') {
      await change(directory, () => ({ ...good, expires_at: 1, refresh_token: 'winner' }));
      return { status: 400, json: { error: 'invalid_grant' } };
    }
    return { json: { access_token: 'renewed', token_type: 'Bearer', expires_in: 3600 } };
  });
  const token = await managerAt(directory).manager.getToken(target, person());
  expect(token).toMatchObject({ access_token: 'renewed', refresh_token: 'winner' });
  expect(scripted.requests.map(({ form }) => form.get('refresh_token'))).toEqual(['stale', 'winner']);
});

test('a refused refresh token is deleted, and ends in login_required that names the cause, where nobody is there', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  await change(directory, (token) => ({ ...aged(token, -1), refresh_token: 'never-issued' }));
  const { manager, events } = managerAt(directory, { interaction: 'never' });
  const result = await manager.get(server.issuer, person());
  expect(result).toMatchObject({ ok: false, error: { code: 'login_required', error: 'invalid_grant' } });
  expect(events).toContainEqual({
    type: 'session_ended',
    issuer: server.issuer,
    code: 'oauth_error',
    error: 'invalid_grant',
  });
  expect(onDisk(directory).refresh_token).toBeUndefined();
  expect(server.count('/token')).toBe(1);
  expect(await manager.get(server.issuer, person())).toMatchObject({ ok: false, error: { code: 'login_required' } });
  expect(server.count('/token')).toBe(1);
});

test('a refused refresh token leads to a new login where a person is there', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  await change(directory, (token) => ({ ...aged(token, 1), refresh_token: 'never-issued' }));
  const { manager } = managerAt(directory, { login });
  expect((await manager.getToken(server.issuer, person())).refresh_token).toBeDefined();
  expect(server.count('/token', 'authorization_code')).toBe(1);
});

test('nobody there and nothing cached: login_required, and no request at all', async () => {
  const { manager } = managerAt(temporaryDirectory(), { interaction: 'never' });
  expect(await manager.get(server.issuer, person())).toMatchObject({
    ok: false,
    error: { code: 'login_required', retryable: false },
  });
  expect(server.requests).toEqual([]);
});

test.each([
  ['a 503', { status: 503 }, 'http_error'],
  ['a broken connection', { drop: 'request' as const }, 'network_error'],
  ['a 429', { status: 429, headers: { 'retry-after': '900' } }, 'http_error'],
])(
  'C10: %s is not a refusal: the token is kept, no browser opens, a token that is still valid is served',
  async (_, reply, code) => {
    const directory = temporaryDirectory();
    await loggedIn(directory);
    const before = await change(directory, (token) => aged(token, 30));
    const scripted = await startScriptedServer(() => reply);
    onTestFinished(() => scripted.close());
    const target = { issuer: server.issuer, token_endpoint: `${scripted.origin}/token` };
    const opened: string[] = [];
    const options = { login: { openBrowser: (url: string): void => void opened.push(url) } };

    const valid = managerAt(directory, options);
    expect(await valid.manager.getToken(target, person())).toEqual(before);
    expect(valid.events).toContainEqual({ type: 'served_stale', issuer: server.issuer, code });

    const expired = await change(directory, (token) => aged(token, -1));
    const result = await managerAt(directory, options).manager.get(target, person());
    expect(result).toMatchObject({ ok: false, error: { code, retryable: true } });
    expect(onDisk(directory)).toEqual(expired);
    expect(opened).toEqual([]);
  },
);

test('a rejected token is not served as the still valid one when refreshing fails', async () => {
  const directory = temporaryDirectory();
  const { access_token: rejected } = await loggedIn(directory);
  const scripted = await startScriptedServer(() => ({ status: 503 }));
  onTestFinished(() => scripted.close());
  const target = { issuer: server.issuer, token_endpoint: `${scripted.origin}/token` };
  expect(await managerAt(directory).manager.get(target, person(), { rejected })).toMatchObject({
    ok: false,
    error: { code: 'http_error' },
  });
});

test('two clients, scopes or profiles of one issuer never get each other’s token', async () => {
  const directory = temporaryDirectory();
  let issued = 0;
  const scripted = await startScriptedServer(() => ({
    json: { access_token: `token-${(issued += 1)}`, token_type: 'Bearer', expires_in: 3600 },
  }));
  onTestFinished(() => scripted.close());
  const target = { issuer: scripted.origin, token_endpoint: `${scripted.origin}/token` };
  const all: Credentials[] = [
    { client_id: 'a', client_secret: 'x' },
    { client_id: 'b', client_secret: 'x' },
    { client_id: 'a', client_secret: 'x', scope: 'one' },
    { client_id: 'a', client_secret: 'x', scope: 'one two' },
    { client_id: 'a', client_secret: 'x', resource: 'https://r' },
    { client_id: 'a', client_secret: 'x', audience: 'https://r' },
    { client_id: 'a', client_secret: 'x', profile: 'work' },
    { client_id: 'a', client_secret: 'x', parameters: { tenant: 't' } },
  ];
  const first = managerAt(directory).manager;
  const tokens: string[] = [];
  for (const credentials of all) tokens.push((await first.getToken(target, credentials)).access_token);
  expect(new Set(tokens).size).toBe(all.length);
  const second = managerAt(directory).manager;
  for (const [index, credentials] of all.entries())
    expect((await second.getToken(target, credentials)).access_token).toBe(tokens[index]);
  expect((await second.getToken(target, { client_id: 'a', client_secret: 'y', scope: 'two one' })).access_token).toBe(
    tokens[3],
  );
  expect(issued).toBe(all.length);
});

const secretIn = {
  client_secret_basic: ({ headers }: RecordedRequest): string | null => {
    const basic = Buffer.from(headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString();
    return new URLSearchParams(`v=${basic.split(':')[1]}`).get('v');
  },
  client_secret_post: ({ form }: RecordedRequest): string | null => form.get('client_secret'),
};

test.each(['client_secret_basic', 'client_secret_post'] as const)(
  'C1, C2: the secret arrives intact by %s, and once',
  async (method) => {
    const scripted = await startScriptedServer(() => ({ json: { access_token: 'a', token_type: 'Bearer' } }));
    onTestFinished(() => scripted.close());
    const target = { issuer: scripted.origin, token_endpoint: `${scripted.origin}/token` };
    const client_secret = 's+é&=%/~: x';
    const credentials = { client_id: 'c:1', client_secret, token_endpoint_auth_method: method };
    await managerAt(temporaryDirectory()).manager.getToken(target, credentials);
    const [request] = scripted.requests;
    expect(request && secretIn[method](request)).toBe(client_secret);
    expect(request?.headers.authorization === undefined).toBe(method === 'client_secret_post');
    expect(request?.form.has('client_secret')).toBe(method === 'client_secret_post');
    const real = { ...server.confidential, token_endpoint_auth_method: method };
    expect(await managerAt(temporaryDirectory()).manager.get(server.issuer, real)).toMatchObject({ ok: true });
  },
);

test('C3: a public client sends client_id in the body and no Authorization header', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  await change(directory, (token) => aged(token, 1));
  const scripted = await startScriptedServer(() => ({
    json: { access_token: 'a', token_type: 'Bearer', expires_in: 3600 },
  }));
  onTestFinished(() => scripted.close());
  await managerAt(directory).manager.getToken(
    { issuer: server.issuer, token_endpoint: `${scripted.origin}/token` },
    person(),
  );
  expect(scripted.requests[0]?.form.get('client_id')).toBe(server.public.client_id);
  expect(scripted.requests[0]?.headers.authorization).toBeUndefined();
});

test('without a client_id the client is registered once and remembered', async () => {
  const directory = temporaryDirectory();
  const credentials = { scope: 'openid offline_access' };
  const { manager, events } = managerAt(directory, { login });
  await manager.getToken(server.issuer, credentials);
  expect(events).toContainEqual({ type: 'registered', issuer: server.issuer });
  await managerAt(directory, { login }).manager.getToken(server.issuer, { scope: 'openid' });
  expect(server.requests.filter(({ method, path }) => method === 'POST' && path === '/register')).toHaveLength(1);
  const stored = JSON.parse(readFileSync(join(directory, 'config', 'test', 'registered.json'), 'utf8')) as Record<
    string,
    { client_id: string }
  >;
  expect(Object.keys(stored)).toEqual([server.issuer]);
});

test('a registration that the server has forgotten is replaced, once', async () => {
  const directory = temporaryDirectory();
  const { manager } = managerAt(directory, { login });
  await manager.getToken(server.issuer, { scope: 'openid offline_access' });
  const registered = join(directory, 'config', 'test', 'registered.json');
  const { [server.issuer]: client } = JSON.parse(readFileSync(registered, 'utf8')) as Record<
    string,
    { client_id: string; registration_access_token: string; registration_client_uri: string }
  >;
  await fetch(client?.registration_client_uri ?? '', {
    method: 'DELETE',
    headers: { authorization: `Bearer ${client?.registration_access_token}` },
  });
  await change(directory, (token) => aged(token, 1));
  server.requests.length = 0;
  const token = await managerAt(directory, { login }).manager.getToken(server.issuer, {
    scope: 'openid offline_access',
  });
  expect(token.refresh_token).toBeDefined();
  expect(server.requests.filter(({ method, path }) => method === 'POST' && path === '/register')).toHaveLength(1);
  expect(readFileSync(registered, 'utf8')).not.toContain(client?.client_id);
});

test('no client_id and no registration: client_required, with the three ways out', async () => {
  const scripted = await startScriptedServer();
  onTestFinished(() => scripted.close());
  const { manager } = managerAt(temporaryDirectory(), { login });
  const target = {
    issuer: scripted.origin,
    token_endpoint: `${scripted.origin}/token`,
    authorization_endpoint: `${scripted.origin}/authorize`,
  };
  const message = expect.stringMatching(/client_id.*clientMetadataUrl.*dynamic registration/s);
  expect(await manager.get(target, {})).toMatchObject({ ok: false, error: { code: 'client_required', message } });
});

test('D9: logout revokes the refresh token and forgets it; an unreachable server is reported, and the copy here is gone all the same', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  const { manager } = managerAt(directory, { interaction: 'never' });
  expect(await manager.logout(server.issuer, person())).toEqual({ ok: true, value: undefined });
  expect(server.count('/revoke')).toBeGreaterThan(0);
  expect(readdirSync(tokens(directory)).filter((name) => name.endsWith('.json'))).toEqual([]);
  expect(await manager.get(server.issuer, person())).toMatchObject({ ok: false, error: { code: 'login_required' } });

  await loggedIn(directory);
  const scripted = await startScriptedServer(() => ({ status: 503 }));
  onTestFinished(() => scripted.close());
  const down = {
    issuer: server.issuer,
    token_endpoint: `${scripted.origin}/token`,
    revocation_endpoint: `${scripted.origin}/revoke`,
  };
  expect(await manager.logout(down, person())).toMatchObject({ ok: false, error: { code: 'http_error', status: 503 } });
  expect(readdirSync(tokens(directory)).filter((name) => name.endsWith('.json'))).toEqual([]);
});

test('an abort ends the wait of its caller with the signal’s own reason; the others get their token', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  await change(directory, (token) => aged(token, 1));
  const scripted = await startScriptedServer(() => ({
    delay: 200,
    json: { access_token: 'late', token_type: 'Bearer', expires_in: 3600 },
  }));
  onTestFinished(() => scripted.close());
  const { manager } = managerAt(directory);
  const target = { issuer: server.issuer, token_endpoint: `${scripted.origin}/token` };
  const controller = new AbortController();
  const reason = new Error('the caller went away');
  const aborted = manager.get(target, person(), { signal: controller.signal });
  const other = manager.getToken(target, person());
  await expect.poll(() => scripted.requests.length).toBe(1);
  controller.abort(reason);
  await expect(aborted).rejects.toBe(reason);
  expect((await other).access_token).toBe('late');
  await expect(manager.get(target, person(), { signal: controller.signal })).rejects.toBe(reason);
});

test('when every caller has gone, the answer to a refresh is still stored, and the next caller gets it', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  await change(directory, (token) => aged(token, 1));
  const scripted = await startScriptedServer(() => ({
    delay: 200,
    json: { access_token: 'late', token_type: 'Bearer', expires_in: 3600, refresh_token: 'next' },
  }));
  onTestFinished(() => scripted.close());
  for (const cache of [undefined, new Map<string, Token>()]) {
    scripted.requests.length = 0;
    const { manager } = managerAt(directory, cache === undefined ? {} : { cache });
    const target = { issuer: server.issuer, token_endpoint: `${scripted.origin}/token` };
    const credentials = cache === undefined ? person() : { client_id: 'c', client_secret: 's' };
    const controller = new AbortController();
    const aborted = manager.get(target, credentials, { signal: controller.signal });
    await expect.poll(() => scripted.requests.length).toBe(1);
    controller.abort();
    await expect(aborted).rejects.toThrow('aborted');
    expect((await manager.getToken(target, credentials)).access_token).toBe('late');
    expect(scripted.requests).toHaveLength(1);
  }
  expect(onDisk(directory).refresh_token).toBe('next');
});

test('a plain Map is a cache: one request for many calls', async () => {
  const manager = createManager({ cache: new Map(), interaction: 'never' });
  await Promise.all(Array.from({ length: 20 }, () => manager.getToken(server.issuer, server.confidential)));
  await manager.getToken(server.issuer, server.confidential);
  expect(server.count('/token')).toBe(1);
});

test('many issuers, clients and scopes in one manager: everyone gets the right token', async () => {
  const directory = temporaryDirectory();
  const name = (issuer: string, form: URLSearchParams): string =>
    createHash('sha256')
      .update(JSON.stringify([issuer, form.get('client_id'), form.get('scope')]))
      .digest('hex');
  const servers = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const scripted = await startScriptedServer();
      scripted.script(({ form }) => ({
        json: { access_token: name(scripted.origin, form), token_type: 'Bearer', expires_in: 3600 },
      }));
      onTestFinished(() => scripted.close());
      return scripted.origin;
    }),
  );
  const jobs = servers.flatMap((issuer) =>
    ['a', 'b', 'c'].flatMap((client_id) => ['x', 'y', 'x y'].map((scope) => ({ issuer, client_id, scope }))),
  );
  for (let round = 0; round < 2; round += 1) {
    const { manager } = managerAt(directory);
    await Promise.all(
      jobs.map(async ({ issuer, client_id, scope }) => {
        const credentials = { client_id, client_secret: 's', scope, token_endpoint_auth_method: 'client_secret_post' };
        const { access_token } = await manager.getToken({ issuer, token_endpoint: `${issuer}/token` }, credentials);
        expect(access_token).toBe(name(issuer, new URLSearchParams({ client_id, scope })));
      }),
    );
  }
});
