import { createManager, type Credentials } from '@oa/manager';
import { OAuthError, type Store, type Token } from '@oa/types';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { startProcess } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { startTelemetry, temporaryHome, withoutServer, type Series } from './setup.ts';

const job = { client_id: 'c', client_secret: 's' };
const token = { access_token: 'a', token_type: 'Bearer', expires_in: 3600 };

/** The values of each series, by its attributes without those of the server. */
function valuesOf(series: readonly Series[]): [Record<string, unknown>, number][] {
  return series.map(({ attributes, value }) => [withoutServer(attributes), value]);
}

it('counts each call once, by the source of its token: obtained, disk, memory, refreshed, adopted, stale', async () => {
  await using server = await startAuthorizationServer();
  temporaryHome();
  const { seriesOf, spans } = startTelemetry();
  let later = 0;
  let isOffline = false;
  const login = { openBrowser: (url: string) => server.logIn(url), print: () => {} };
  const offline = async (): Promise<Response> => {
    throw new TypeError('fetch failed');
  };
  const manager = createManager({
    app: 'test',
    login,
    now: () => Date.now() + later,
    fetch: (url, init) => (isOffline ? offline() : fetch(url, init)),
  });
  const user: Credentials = { client_id: server.public.client_id, scope: 'openid offline_access' };
  const source = manager.source(server.issuer, user);
  await source();
  // A write empties the memory of the token cache.
  await source();
  await source();
  await manager.get(server.issuer, user);
  later = 3_700_000;
  await Promise.all([source(), source(), source()]);
  later += 3_570_000;
  isOffline = true;
  await source();
  const counted = valuesOf(await seriesOf('oa.token.requests'));
  const grant = { 'oa.grant_type': 'authorization_code' };
  const expected = [
    [{ ...grant, 'oa.token.source': 'obtained' }, 1],
    [{ ...grant, 'oa.token.source': 'disk' }, 1],
    [{ ...grant, 'oa.token.source': 'memory' }, 2],
    [{ ...grant, 'oa.token.source': 'refreshed' }, 1],
    [{ ...grant, 'oa.token.source': 'adopted' }, 2],
    [{ ...grant, 'oa.token.source': 'stale' }, 1],
  ];
  expect(counted).toHaveLength(expected.length);
  expect(counted).toEqual(expect.arrayContaining(expected));
  expect(server.count('/token', 'refresh_token')).toBe(1);
  // The histogram has the same series.
  expect(valuesOf(await seriesOf('oa.token.duration'))).toEqual(counted);
  expect(spans().filter(({ name }) => name === 'oa.get')).toHaveLength(8);
});

it('counts the token of a new process as one of the disk, and that of another process as adopted', async () => {
  const answer = Promise.withResolvers<void>();
  await using server = await startScriptedServer(({ path }) =>
    path === '/token'
      ? answer.promise.then(() => ({ json: token }))
      : { json: { issuer: server.origin, token_endpoint: `${server.origin}/token` } },
  );
  temporaryHome();
  const { seriesOf } = startTelemetry();
  const program = new URL('programs/get.ts', import.meta.url).pathname;
  const start = (): ReturnType<typeof startProcess> =>
    startProcess(program, { task: { issuer: server.origin, credentials: job } });
  const holder = start();
  await expect.poll(() => server.requestsTo('/token').length, { timeout: 60_000 }).toBe(1);
  const events: string[] = [];
  const manager = createManager({ app: 'test', onEvent: ({ type }) => events.push(type) });
  const waiting = manager.getToken(server.origin, job);
  await expect.poll(() => events, { timeout: 20_000 }).toContain('waiting');
  answer.resolve();
  await waiting;
  const grant = { 'oa.grant_type': 'client_credentials' };
  expect(valuesOf(await seriesOf('oa.token.requests'))).toEqual([[{ ...grant, 'oa.token.source': 'adopted' }, 1]]);
  expect(valuesOf(await seriesOf('oa.lock.wait.duration'))).toEqual([[{ 'oa.lock.outcome': 'adopted' }, 1]]);
  for (const [child, source] of [
    [holder, 'obtained'],
    [start(), 'disk'],
  ] as const) {
    const { stdout, stderr } = await child.ended;
    expect(stderr).toBe('');
    expect(valuesOf(JSON.parse(stdout) as Series[])).toEqual([[{ ...grant, 'oa.token.source': source }, 1]]);
  }
  expect(server.requestsTo('/token')).toHaveLength(1);
});

it('counts a failure with its duration, by its type', async () => {
  await using server = await startScriptedServer({
    '/token': ({ form }) =>
      form.get('scope') === null ? { status: 503 } : { status: 400, json: { error: 'invalid_scope' } },
  });
  const { seriesOf } = startTelemetry();
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const manager = createManager({ cache: new Map() });
  await manager.get(metadata, { ...job, scope: 'a' });
  await manager.get(metadata, { ...job, scope: 'a b' });
  await manager.get(metadata, job);
  const grant = { 'oa.grant_type': 'client_credentials' };
  const failures = [
    [{ ...grant, 'error.type': 'oauth_error' }, 2],
    [{ ...grant, 'error.type': 'http_error' }, 1],
  ];
  expect(valuesOf(await seriesOf('oa.token.requests'))).toEqual(failures);
  expect(valuesOf(await seriesOf('oa.token.duration'))).toEqual(failures);
  const post = { 'http.request.method': 'POST' };
  expect(valuesOf(await seriesOf('oa.request.duration'))).toEqual([
    [{ ...post, 'http.response.status_code': 400, 'error.type': '400' }, 2],
    [{ ...post, 'http.response.status_code': 503, 'error.type': '503' }, server.requests.length - 2],
  ]);
});

it('names server and port, the default one too, and neither for an issuer that is no URL', async () => {
  const { seriesOf } = startTelemetry();
  const answer = async (): Promise<Response> => Response.json(token);
  const manager = createManager({ cache: new Map(), fetch: answer });
  for (const issuer of ['https://as.example/tenant', 'https://as.example:8443', 'my-server'])
    await manager.getToken({ issuer, token_endpoint: 'https://as.example/token' }, job);
  const servers = (await seriesOf('oa.token.requests')).map(({ attributes }) => [
    attributes['server.address'],
    attributes['server.port'],
  ]);
  expect(servers).toEqual([
    ['as.example', 443],
    ['as.example', 8443],
    [undefined, undefined],
  ]);
});

it('records a lock that is not free in time as a failed wait', async () => {
  const { seriesOf } = startTelemetry();
  const busy: Store<Token> = {
    get: () => undefined,
    set: () => undefined,
    delete: () => undefined,
    lock: async () => {
      throw new OAuthError('lock_timeout', 'Another process holds the lock.', { retryable: true });
    },
  };
  const metadata = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  const found = await createManager({ cache: busy }).get(metadata, job);
  expect(found).toMatchObject({ ok: false, error: { code: 'lock_timeout' } });
  expect(valuesOf(await seriesOf('oa.lock.wait.duration'))).toEqual([[{ 'error.type': 'lock_timeout' }, 1]]);
});
