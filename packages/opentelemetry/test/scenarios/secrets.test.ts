import { createManager, type Credentials, type Manager, type ManagerOptions } from '@oa/manager';
import { fileTokenCache, tokenKey } from '@oa/token-cache';
import { OAuthError, type Store, type Token } from '@oa/types';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { observeChannels } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { startTelemetry, temporaryHome } from '../setup.ts';

const MIN_SECRET_CHARACTERS = 8;

/** A `fetch` that keeps every value that goes over the wire, besides URLs and the names of the protocol. */
function createRecorder(): { fetch: typeof fetch; values: Set<string> } {
  const values = new Set<string>();
  const add = (value: unknown): void => {
    const isPublic = typeof value !== 'string' || /^https?:|^[a-z_]+$/.test(value);
    if (!isPublic && value.length >= MIN_SECRET_CHARACTERS) values.add(value);
  };
  const recorded: typeof fetch = async (url, init) => {
    for (const value of new URLSearchParams(typeof init?.body === 'string' ? init.body : '').values()) add(value);
    add(new Headers(init?.headers).get('authorization')?.replace(/^\w+ /, ''));
    const response = await fetch(url, init);
    const body: unknown = await response
      .clone()
      .json()
      .catch(() => undefined);
    if (!response.url.includes('/.well-known/')) for (const value of Object.values(body ?? {})) add(value);
    return response;
  };
  return { fetch: recorded, values };
}

it('exports nothing of what went over the wire, of the credentials, of the user or of the keys of the tokens', async () => {
  await using server = await startAuthorizationServer();
  temporaryHome();
  using observer = observeChannels();
  const { exported, spans } = startTelemetry();
  const recorder = createRecorder();
  let later = 0;
  const openBrowser = (url: string): Promise<Response> => server.logIn(url);
  const options = { app: 'test', now: () => Date.now() + later, fetch: recorder.fetch };
  const manager = createManager({ ...options, login: { openBrowser, print: () => {} } });
  const user: Credentials = {
    client_id: server.public.client_id,
    scope: 'openid offline_access',
    profile: 'PLANTED-PROFILE',
  };
  const registered: Credentials = { scope: 'openid offline_access' };
  await manager.getToken(server.issuer, server.confidential);
  await manager.getToken(server.issuer, user);
  await manager.getToken(server.issuer, registered);
  const keys: string[] = [];
  for (const { key } of await fileTokenCache({ app: 'test' }).list()) keys.push(key);
  later = 3_700_000;
  await manager.getToken(server.issuer, user);
  await manager.getToken(server.issuer, registered);
  await manager.login(server.issuer, user);
  await manager.logout(server.issuer, user);
  await manager.logoutAll();
  expect(spans().map(({ name }) => name)).toEqual(expect.arrayContaining(['oa.get', 'oa.login', 'oa.refresh']));
  const planted = [
    ...recorder.values,
    ...keys,
    ...Object.values(server.confidential),
    server.public.client_id,
    server.user.password,
    'PLANTED-PROFILE',
  ];
  expect(planted.length).toBeGreaterThan(25);
  const text = (await exported()) + JSON.stringify(observer.published);
  expect(text).toContain(server.issuer);
  expect(planted.filter((value) => text.includes(value) || text.includes(JSON.stringify(value).slice(1, -1)))).toEqual(
    [],
  );
  expect(text).not.toMatch(new RegExp(String.raw`\b${server.user.login}\b`));
});

/** A manager with the store and the options of a failure. */
const failing = (options: ManagerOptions): Manager => createManager({ cache: new Map(), ...options });
const job = { client_id: 'PLANTED-CLIENT', client_secret: 'PLANTED-SECRET', scope: 'PLANTED-SCOPE' };

it('exports no text of a failure: of the network, the server, the store, the program or an abort', async () => {
  const error = { error: 'invalid_grant', error_description: 'PLANTED-TEXT', error_uri: 'https://PLANTED.example' };
  await using server = await startScriptedServer({
    '/token': { status: 400, json: error },
    '/broken': { status: 200, body: '{"access_token": "PLANTED-TOKEN", PLANTED' },
    '/busy': { status: 503, headers: { 'retry-after': '9999' }, body: 'PLANTED' },
  });
  using observer = observeChannels();
  const { exported, seriesOf } = startTelemetry();
  const at = (path: string): { issuer: string; token_endpoint: string } => ({
    issuer: server.origin,
    token_endpoint: `${server.origin}${path}`,
  });
  const person: Credentials = { client_id: 'PLANTED-CLIENT' };
  const expired = (issuer: string): [string, Token] => [
    tokenKey({ issuer, grant_type: 'authorization_code', client_id: 'PLANTED-CLIENT' }),
    { access_token: 'PLANTED-TOKEN', token_type: 'Bearer', refresh_token: 'PLANTED-REFRESH', expires_at: 1 },
  ];
  const down = async (): Promise<never> => {
    throw Object.assign(new TypeError('PLANTED fetch failed'), { cause: { code: 'ECONNREFUSED', PLANTED: true } });
  };
  const busy = (code: 'lock_timeout' | 'storage_unavailable', when: 'lock' | 'get'): Store<Token> => {
    const fail = async (): Promise<never> => {
      throw new OAuthError(code, 'PLANTED', { retryable: true });
    };
    return { get: () => undefined, set: () => undefined, delete: () => undefined, [when]: fail };
  };
  const calls: Promise<unknown>[] = [
    failing({}).get(at('/token'), job),
    failing({}).get(at('/broken'), job),
    failing({}).get(at('/busy'), job),
    failing({ fetch: down }).get(at('/token'), job),
    failing({ fetch: () => new Promise<Response>(() => {}), timeout: 100 }).get(at('/token'), job),
    failing({ cache: new Map([expired(server.origin)]), interaction: 'never' }).get(at('/token'), person),
    failing({ cache: busy('lock_timeout', 'lock') }).get(at('/token'), job),
    failing({ cache: busy('storage_unavailable', 'get'), interaction: 'never' }).get(at('/token'), person),
    failing({}).get(at('/token'), { ...job, PLANTED: 'PLANTED' } as Credentials),
    failing({}).get(at('/token'), job, { signal: AbortSignal.abort('PLANTED') }),
    failing({}).get('https://PLANTED:PLANTED@127.0.0.1:9/?PLANTED=PLANTED', job),
    failing({ fetch: down }).get({ resource: 'https://127.0.0.1:9/PLANTED?PLANTED=PLANTED' }, job),
    failing({}).get(at('/token'), {
      client_id: 'PLANTED-CLIENT',
      grant_type: 'urn:example:own',
      grant: async () => {
        throw Object.assign(new Error('PLANTED'), { name: 'PLANTED', code: 'PLANTED' });
      },
    }),
  ];
  await Promise.allSettled(calls);
  const failures = await seriesOf('oa.token.requests');
  expect(failures.reduce((sum, { value }) => sum + value, 0)).toBe(calls.length);
  expect(failures.every(({ attributes }) => typeof attributes['error.type'] === 'string')).toBe(true);
  expect(new Set(failures.map(({ attributes }) => attributes['error.type']))).toEqual(
    new Set([
      'oauth_error',
      'invalid_json',
      'http_error',
      'network_error',
      'timeout',
      'login_required',
      'lock_timeout',
      'storage_unavailable',
      'TypeError',
      'other',
    ]),
  );
  expect((await exported()) + JSON.stringify(observer.published)).not.toContain('PLANTED');
});
