import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { startScriptedServer, type Reply, type ScriptedServer } from '@oa-internal/scripted-server';
import { fileClientStore } from '@oa/client-store';
import { tokenKey } from '@oa/token-cache';
import type { AuthorizationServer, OAuthEvent, Store, Token } from '@oa/types';
import { expect, onTestFinished, test } from 'vitest';
import { managerAt, temporaryDirectory } from './workplace.ts';

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code' as const;

async function scripted(
  script: Parameters<typeof startScriptedServer>[0] = {},
): Promise<{ server: ScriptedServer; metadata: AuthorizationServer }> {
  const server = await startScriptedServer(script);
  onTestFinished(() => server.close());
  const { origin } = server;
  const metadata = {
    issuer: origin,
    token_endpoint: `${origin}/token`,
    authorization_endpoint: `${origin}/authorize`,
    registration_endpoint: `${origin}/register`,
  };
  return { server, metadata };
}

/** A browser in which everybody agrees at once; keeps the URLs. */
function browser(): { openBrowser: (url: string) => Promise<Response>; urls: URL[] } {
  const urls: URL[] = [];
  const openBrowser = (address: string): Promise<Response> => {
    const url = new URL(address);
    urls.push(url);
    const callback = new URL(url.searchParams.get('redirect_uri') ?? '');
    callback.search = new URLSearchParams({ code: 'code', state: url.searchParams.get('state') ?? '' }).toString();
    return fetch(callback);
  };
  return { openBrowser, urls };
}

const types = (events: OAuthEvent[]): string[] => events.map(({ type }) => type);
const bearer = (access_token: string): Reply => ({ json: { access_token, token_type: 'Bearer', expires_in: 3600 } });

async function approve(server: AuthorizationServerHandle, event: OAuthEvent): Promise<void> {
  if (event.type === 'device_waiting') await server.approveDevice(event.verification_uri_complete ?? '');
}

test('F7: the device grant, where it is asked for', async () => {
  await using server = await startAuthorizationServer();
  const approvals: Promise<void>[] = [];
  const printed: string[] = [];
  const { manager } = managerAt(temporaryDirectory(), {
    interaction: 'always',
    login: { print: (text) => printed.push(text) },
    onEvent: (event) => approvals.push(approve(server, event)),
  });
  const token = await manager.getToken(server.issuer, {
    grant_type: DEVICE,
    client_id: server.public.client_id,
    scope: 'openid',
  });
  await Promise.all(approvals);
  expect(token.refresh_token).toBeDefined();
  expect(server.count('/device_authorization')).toBe(1);
  expect(printed.join('')).toContain(`${server.issuer}/device`);
});

test('F7: nobody there: no device login is started', async () => {
  await using server = await startAuthorizationServer();
  const { manager } = managerAt(temporaryDirectory(), { interaction: 'never' });
  const result = await manager.get(server.issuer, { grant_type: DEVICE, client_id: server.public.client_id });
  expect(result).toMatchObject({ ok: false, error: { code: 'login_required' } });
  expect(server.requests).toEqual([]);
});

test('a registration that the server refuses at the token endpoint is replaced, once', async () => {
  const { server, metadata } = await scripted();
  let registered = 0;
  server.script({
    '/register': () => ({ status: 201, json: { client_id: `client-${(registered += 1)}` } }),
    '/token': ({ form }) =>
      form.get('client_id') === 'client-1' ? { status: 401, json: { error: 'invalid_client' } } : bearer('new'),
  });
  const { openBrowser, urls } = browser();
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser } });
  expect((await manager.getToken(metadata, {})).access_token).toBe('new');
  expect(urls.map((url) => url.searchParams.get('client_id'))).toEqual(['client-1', 'client-2']);

  server.script({
    '/register': { status: 201, json: { client_id: 'c' } },
    '/token': { status: 401, json: { error: 'invalid_client' } },
  });
  const other = managerAt(temporaryDirectory(), { login: { openBrowser } }).manager;
  expect(await other.get(metadata, {})).toMatchObject({ ok: false, error: { error: 'invalid_client' } });
  expect(server.requestsTo('/register')).toHaveLength(4);
});

test('a client that was configured is never registered, however much the server refuses it', async () => {
  const { server, metadata } = await scripted({ '/token': { status: 401, json: { error: 'invalid_client' } } });
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser: browser().openBrowser } });
  expect(await manager.get(metadata, { client_id: 'mine' })).toMatchObject({
    ok: false,
    error: { error: 'invalid_client' },
  });
  expect(server.requestsTo('/register')).toEqual([]);
});

test('a client metadata document is the client_id, where the server supports it, else the program registers', async () => {
  const { server, metadata } = await scripted({
    '/token': bearer('a'),
    '/register': { status: 201, json: { client_id: 'registered' } },
  });
  const clientMetadataUrl = 'https://tool.example/client.json';
  const { openBrowser, urls } = browser();
  const options = { clientMetadataUrl, login: { openBrowser } };
  await managerAt(temporaryDirectory(), options).manager.getToken(
    { ...metadata, client_id_metadata_document_supported: true },
    {},
  );
  expect(server.requestsTo('/register')).toEqual([]);
  await managerAt(temporaryDirectory(), options).manager.getToken(metadata, {});
  expect(urls.map((url) => url.searchParams.get('client_id'))).toEqual([clientMetadataUrl, 'registered']);
});

test('D11: the registration is that of a native public client, with what the program says about itself', async () => {
  const { server, metadata } = await scripted({
    '/token': bearer('a'),
    '/register': { status: 201, json: { client_id: 'registered' } },
  });
  const { openBrowser, urls } = browser();
  await managerAt(temporaryDirectory(), {
    registration: { client_name: 'Tool' },
    login: { openBrowser },
  }).manager.getToken(metadata, { scope: 'read' });
  expect(JSON.parse(server.requestsTo('/register')[0]?.body ?? '')).toMatchObject({
    application_type: 'native',
    client_name: 'Tool',
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback'],
    scope: 'read',
    token_endpoint_auth_method: 'none',
  });
  expect(urls[0]?.searchParams.get('redirect_uri')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/);
});

const near = (issuer: string, more: Partial<Token> = {}): [string, Token] => [
  tokenKey({ issuer, grant_type: 'authorization_code', client_id: 'p' }),
  {
    access_token: 'old',
    token_type: 'Bearer',
    expires_in: 3600,
    expires_at: Math.floor(Date.now() / 1000) + 100,
    ...more,
  },
];

test('ahead of time: a refusal is an event, no browser opens, and the token in hand is used to its end', async () => {
  const { server, metadata } = await scripted({ '/token': { status: 400, json: { error: 'invalid_grant' } } });
  const cache = new Map([near(metadata.issuer, { refresh_token: 'r' })]);
  const { openBrowser, urls } = browser();
  const { manager, events } = managerAt(temporaryDirectory(), { cache, login: { openBrowser } });
  expect((await manager.getToken(metadata, { client_id: 'p' })).access_token).toBe('old');
  await expect.poll(() => types(events)).toContain('early_refresh_failed');
  expect((await manager.getToken(metadata, { client_id: 'p' })).access_token).toBe('old');
  expect(server.requests).toHaveLength(1);
  expect(urls).toEqual([]);
});

test('C10: ahead of time: a server that is down is asked once, not with every call, and again after a while', async () => {
  const { server, metadata } = await scripted({ '/token': { status: 500 } });
  const cache = new Map([near(metadata.issuer, { refresh_token: 'r' })]);
  let later = 0;
  const now = (): number => Date.now() + later;
  const { manager, events } = managerAt(temporaryDirectory(), { cache, now });
  const failures = (): number => types(events).filter((type) => type === 'early_refresh_failed').length;
  for (let call = 0; call < 5; call += 1) {
    expect((await manager.getToken(metadata, { client_id: 'p' })).access_token).toBe('old');
    // Time enough for a request that should not be made.
    await sleep(50);
  }
  await expect.poll(failures).toBe(1);
  expect(server.requests).toHaveLength(1);
  later = 31_000;
  await manager.getToken(metadata, { client_id: 'p' });
  await expect.poll(failures).toBe(2);
  expect(server.requests).toHaveLength(2);
});

test('ahead of time: without a refresh token nobody is asked; client credentials are asked for anew', async () => {
  const { server, metadata } = await scripted({ '/token': bearer('new') });
  const { openBrowser, urls } = browser();
  const person = managerAt(temporaryDirectory(), {
    cache: new Map([near(metadata.issuer)]),
    login: { openBrowser },
  }).manager;
  expect((await person.getToken(metadata, { client_id: 'p' })).access_token).toBe('old');
  const [, token] = near(metadata.issuer);
  const key = tokenKey({ issuer: metadata.issuer, grant_type: 'client_credentials', client_id: 'c' });
  const credentials = { client_id: 'c', client_secret: 's' };
  const { manager } = managerAt(temporaryDirectory(), { cache: new Map([[key, token]]) });
  expect((await manager.getToken(metadata, credentials)).access_token).toBe('old');
  await expect.poll(async () => (await manager.getToken(metadata, credentials)).access_token).toBe('new');
  expect(server.requests).toHaveLength(1);
  expect(urls).toEqual([]);
});

test('an abort ends a login, frees its port, and says so with its own reason', async () => {
  const { metadata } = await scripted();
  const opened = Promise.withResolvers<string>();
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser: opened.resolve, print: () => {} } });
  const controller = new AbortController();
  const result = manager.get(metadata, { client_id: 'p' }, { signal: controller.signal });
  const callback = new URL(await opened.promise).searchParams.get('redirect_uri') ?? '';
  const reason = new Error('no more');
  controller.abort(reason);
  await expect(result).rejects.toBe(reason);
  await expect
    .poll(() =>
      fetch(callback).then(
        () => 'open',
        () => 'closed',
      ),
    )
    .toBe('closed');
});

test('logout: nothing stored is no error, and a server without revocation is not asked', async () => {
  const { server, metadata } = await scripted({ '/token': bearer('a') });
  const { manager, events } = managerAt(temporaryDirectory());
  const credentials = { client_id: 'c', client_secret: 's' };
  const { signal } = new AbortController();
  expect(await manager.logout(metadata, credentials)).toEqual({ ok: true, value: undefined });
  await manager.getToken(metadata, credentials);
  expect(await manager.logout(metadata, credentials, { signal })).toEqual({ ok: true, value: undefined });
  expect(types(events)).toContain('logged_out');
  expect(server.requests).toHaveLength(1);
});

test('8 worker threads and an empty cache: one request', async () => {
  const { server, metadata } = await scripted(() => ({ delay: 200, ...bearer('one') }));
  const directory = temporaryDirectory();
  managerAt(directory);
  const job = { directory, target: metadata, credentials: { client_id: 'c', client_secret: 's' } };
  const program = join(import.meta.dirname, 'programs', 'thread.ts');
  const exits = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const execArgv = ['--conditions=@oa/source'];
      const worker = new Worker(program, { workerData: { job, expected: 'one' }, execArgv });
      const [code] = (await once(worker, 'exit')) as [number];
      return code;
    }),
  );
  expect(exits).toEqual(Array.from({ length: 8 }, () => 0));
  expect(server.requests).toHaveLength(1);
});

test('a refresh token that an interrupted refresh has used up ends in refresh_interrupted', async () => {
  const { server, metadata } = await scripted({ '/token': { status: 400, json: { error: 'invalid_grant' } } });
  const map = new Map([near(metadata.issuer, { refresh_token: 'used up', expires_at: 1 })]);
  const cache: Store<Token> = {
    get: (key) => map.get(key),
    set: (key, token) => map.set(key, token),
    delete: (key) => map.delete(key),
    reserve: async () => ({ interrupted: true }),
  };
  const { manager, events } = managerAt(temporaryDirectory(), { cache, interaction: 'never' });
  const result = await manager.get(metadata, { client_id: 'p' });
  expect(result).toMatchObject({
    ok: false,
    error: { code: 'refresh_interrupted', error: 'invalid_grant', status: 400 },
  });
  expect(events).toContainEqual({
    type: 'session_ended',
    issuer: metadata.issuer,
    code: 'refresh_interrupted',
    error: 'invalid_grant',
  });
  expect(server.requests).toHaveLength(1);
});

test('fetch, now, timeout and clients of the options are the ones used', async () => {
  const { server, metadata } = await scripted({
    '/token': bearer('a'),
    '/register': { status: 201, json: { client_id: 'registered' } },
  });
  const requested: string[] = [];
  const directory = temporaryDirectory();
  const options = {
    fetch: (async (url: string, init) => {
      requested.push(url);
      return fetch(url, init);
    }) as typeof fetch,
    now: () => 5_000_000,
    timeout: 5000,
    clients: fileClientStore({ path: join(directory, 'own', 'clients.json') }),
    login: { openBrowser: browser().openBrowser },
  };
  const token = await managerAt(directory, options).manager.getToken(metadata, {});
  expect(token.expires_at).toBe(5000 + 3600);
  expect(requested).toEqual([`${server.origin}/register`, `${server.origin}/token`]);
  expect((await options.clients.lookup(metadata.issuer))?.client_id).toBe('registered');
});

test('the timeout of requests is not the time that a person is given', async () => {
  const { metadata } = await scripted({ '/token': bearer('a') });
  const { manager, events } = managerAt(temporaryDirectory(), {
    timeout: 5000,
    login: { openBrowser: browser().openBrowser },
  });
  await manager.getToken(metadata, { client_id: 'c' });
  expect(events).toContainEqual(expect.objectContaining({ type: 'login_waiting', expires_in: 300 }));
});

test('D10: a registration without the redirect host that the program wants now is made anew', async () => {
  const { server, metadata } = await scripted({ '/token': bearer('a') });
  server.script({
    '/token': bearer('a'),
    '/register': ({ body }) => ({ status: 201, json: { ...(JSON.parse(body) as object), client_id: 'registered' } }),
  });
  const directory = temporaryDirectory();
  const { openBrowser, urls } = browser();
  for (const [scope, login] of Object.entries({
    one: { openBrowser },
    two: { openBrowser },
    three: { openBrowser, redirectHost: 'localhost' as const },
    four: { openBrowser, redirectHost: 'localhost' as const },
  }))
    await managerAt(directory, { login }).manager.getToken(metadata, { scope });
  expect(server.requestsTo('/register')).toHaveLength(2);
  expect(urls.map((url) => new URL(url.searchParams.get('redirect_uri') ?? '').hostname)).toEqual([
    '127.0.0.1',
    '127.0.0.1',
    'localhost',
    'localhost',
  ]);
});

test('D9: logout of a resource that can’t be reached is a result, as everything of the world is', async () => {
  const { server } = await scripted({});
  const { manager } = managerAt(temporaryDirectory());
  expect(await manager.logout({ resource: server.origin }, { client_id: 'c' })).toMatchObject({
    ok: false,
    error: { code: 'metadata_not_found' },
  });
});

test('an abort that comes while the store is asked ends the call, too', async () => {
  const { server, metadata } = await scripted({ '/token': { drop: 'never' } });
  const controller = new AbortController();
  const reason = new Error('no more');
  const cache = {
    get: async () => {
      controller.abort(reason);
      return undefined;
    },
    set: () => undefined,
    delete: () => undefined,
  };
  const { manager } = managerAt(temporaryDirectory(), { cache });
  const credentials = { client_id: 'c', client_secret: 's' };
  await expect(manager.get(metadata, credentials, { signal: controller.signal })).rejects.toBe(reason);
  expect(server.requestsTo('/token')).toEqual([]);
});

test('D9: logout with a signal: an abort ends the wait for the server, and the copy here is gone', async () => {
  const { server, metadata } = await scripted({ '/token': bearer('a'), '/revoke': { drop: 'never' } });
  const { manager } = managerAt(temporaryDirectory());
  const credentials = { client_id: 'c', client_secret: 's' };
  const target = { ...metadata, revocation_endpoint: `${metadata.issuer}/revoke` };
  await manager.getToken(target, credentials);
  const controller = new AbortController();
  const reason = new Error('no more');
  const result = manager.logout(target, credentials, { signal: controller.signal });
  await expect.poll(() => server.requestsTo('/revoke').length).toBe(1);
  controller.abort(reason);
  await expect(result).rejects.toBe(reason);
  await manager.getToken(target, credentials);
  expect(server.requestsTo('/token')).toHaveLength(2);
});
