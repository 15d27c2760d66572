import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileClientStore } from '@oa/client-store';
import { loopbackRedirectUris } from '@oa/loopback';
import { OAuthError } from '@oa/types';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { expect, it, onTestFinished } from 'vitest';
import { login, server } from './real-server.ts';
import { minimalClientStore, startRegistrar } from './registrar.ts';
import { agreeingBrowser, aged, bearer, changeStored, managerAt, startScripted, temporaryDirectory } from './setup.ts';

it('registers a client once and remembers it, where the credentials have no client_id', async () => {
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

it('replaces, once, a registration that the server has deleted', async () => {
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
  await changeStored(directory, (token) => aged(token, 1));
  server.requests.length = 0;
  const token = await managerAt(directory, { login }).manager.getToken(server.issuer, {
    scope: 'openid offline_access',
  });
  expect(token.refresh_token).toBeDefined();
  expect(server.requests.filter(({ method, path }) => method === 'POST' && path === '/register')).toHaveLength(1);
  expect(readFileSync(registered, 'utf8')).not.toContain(client?.client_id);
});

it('ends in client_required with three ways out, where there is no client_id and no registration endpoint', async () => {
  const scripted = await startScriptedServer();
  onTestFinished(() => scripted.close());
  const { manager } = managerAt(temporaryDirectory(), { login });
  const target = {
    issuer: scripted.origin,
    token_endpoint: `${scripted.origin}/token`,
    authorization_endpoint: `${scripted.origin}/authorize`,
  };
  const message = expect.stringMatching(/three ways out.*client_id.*clientMetadata.*dynamic registration/);
  expect(await manager.get(target, {})).toMatchObject({ ok: false, error: { code: 'client_required', message } });
});

it('replaces, once, a registration that the server refuses at the token endpoint', async () => {
  const { server, metadata } = await startScripted();
  let registered = 0;
  server.script({
    '/register': () => ({ status: 201, json: { client_id: `client-${(registered += 1)}` } }),
    '/token': ({ form }) =>
      form.get('client_id') === 'client-1' ? { status: 401, json: { error: 'invalid_client' } } : bearer('new'),
  });
  const { openBrowser, urls } = agreeingBrowser();
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

it('never registers a configured client, however often the server refuses it', async () => {
  const { server, metadata } = await startScripted({ '/token': { status: 401, json: { error: 'invalid_client' } } });
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser: agreeingBrowser().openBrowser } });
  expect(await manager.get(metadata, { client_id: 'mine' })).toMatchObject({
    ok: false,
    error: { error: 'invalid_client' },
  });
  expect(server.requestsTo('/register')).toEqual([]);
});

it('registers a native public client with what the program says about itself (RFC 8252 section 8.4)', async () => {
  const { server, metadata } = await startScripted({
    '/token': bearer('a'),
    '/register': { status: 201, json: { client_id: 'registered' } },
  });
  const { openBrowser, urls } = agreeingBrowser();
  await managerAt(temporaryDirectory(), {
    registration: { client_name: 'Tool' },
    login: { openBrowser },
  }).manager.getToken(metadata, { scope: 'read' });
  // A path of its own for each issuer (RFC 9700 section 4.4).
  const path = new URL(loopbackRedirectUris({ issuer: metadata.issuer })[0] ?? '').pathname;
  expect(path).toMatch(/^\/callback\/[\w-]{16}$/);
  const used = new URL(urls[0]?.searchParams.get('redirect_uri') ?? '');
  expect([used.hostname, used.pathname]).toEqual(['127.0.0.1', path]);
  // Without a scope: a server may never grant the client others.
  expect(JSON.parse(server.requestsTo('/register')[0]?.body ?? '')).toEqual({
    application_type: 'native',
    client_name: 'Tool',
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: [used.href, `http://[::1]:${used.port}${path}`],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  });
});

it('registers anew when the program asks for another redirect host (RFC 7591 section 3.2.1)', async () => {
  const { server, metadata } = await startScripted({ '/token': bearer('a') });
  server.script({
    '/token': bearer('a'),
    '/register': ({ body }) => ({ status: 201, json: { ...(JSON.parse(body) as object), client_id: 'registered' } }),
  });
  const directory = temporaryDirectory();
  const { openBrowser, urls } = agreeingBrowser();
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

it('keeps a registration that another process has stored in place of the refused one', async () => {
  const { server, metadata } = await startScripted();
  const clients = fileClientStore({ path: join(temporaryDirectory(), 'clients.json') });
  server.script({
    '/register': { status: 201, json: { client_id: 'client-1' } },
    '/token': async ({ form }) => {
      if (form.get('client_id') === 'client-2') return bearer('new');
      await clients.store(metadata.issuer, { client_id: 'client-2' });
      return { status: 401, json: { error: 'invalid_client' } };
    },
  });
  const login = { openBrowser: agreeingBrowser().openBrowser };
  const { manager } = managerAt(temporaryDirectory(), { clients, login });
  expect((await manager.getToken(metadata, {})).access_token).toBe('new');
  expect(server.requestsTo('/register')).toHaveLength(1);
  expect(await clients.lookup(metadata.issuer)).toEqual({ client_id: 'client-2' });
});

it.each([
  ['keeps a refused client with a secret for its refresh tokens', fileClientStore, ['client-1']],
  ['removes a refused client with a secret from a store that keeps no former clients', undefined, []],
])('%s, and registers another one for the login', async (_, createStore, former) => {
  const { server, metadata } = await startScripted();
  let registered = 0;
  server.script({
    '/register': () => ({ status: 201, json: { client_id: `client-${(registered += 1)}`, client_secret: 's' } }),
    '/token': ({ headers, form }) =>
      `${headers.authorization}${form.get('client_id')}`.match(/client-1|Y2xpZW50LTE6/) === null
        ? bearer('new')
        : { status: 401, json: { error: 'invalid_client' } },
  });
  const directory = temporaryDirectory();
  const path = join(directory, 'clients.json');
  const clients = createStore?.({ path }) ?? minimalClientStore(directory);
  const login = { openBrowser: agreeingBrowser().openBrowser };
  const token = await managerAt(directory, { clients, login }).manager.getToken(metadata, {});
  expect(token.issued_to).toMatchObject({ client_id: 'client-2' });
  const { find } = fileClientStore({ path });
  const remembered = await find(metadata.issuer);
  expect(remembered.client?.client_id).toBe('client-2');
  expect(remembered.former.map(({ client_id }) => client_id).filter((id) => id === 'client-1')).toEqual(former);
});

it('removes a client from a store that marks none, where a login with it was not completed', async () => {
  const registrar = await startRegistrar();
  const directory = temporaryDirectory();
  const clients = minimalClientStore(directory);
  const { openBrowser } = registrar;
  await managerAt(directory, { clients, login: { openBrowser } }).manager.getToken(registrar.metadata, {});
  const away = { openBrowser: () => undefined, timeout: 300 };
  const { manager } = managerAt(directory, { clients, login: away });
  const message = expect.stringContaining('The next login registers a new client.');
  expect(await manager.get(registrar.metadata, { scope: 'two' })).toMatchObject({
    ok: false,
    error: { code: 'login_timeout', message },
  });
  expect(await clients.list()).toEqual([]);
});

it('tells how to register a new client where the doubt about the present one can not be stored', async () => {
  const registrar = await startRegistrar();
  registrar.managed = false;
  const directory = temporaryDirectory();
  const clients = {
    ...fileClientStore({ path: join(directory, 'clients.json') }),
    doubt: () => Promise.reject(new OAuthError('storage_unavailable', 'The disk is full.')),
  };
  const { openBrowser } = registrar;
  await managerAt(directory, { clients, login: { openBrowser } }).manager.getToken(registrar.metadata, {});
  const away = { openBrowser: () => undefined, timeout: 300 };
  const { manager, events } = managerAt(directory, { clients, login: away });
  const message = expect.stringMatching(/could not be noted \(The disk is full\.\), so call forgetClient/);
  expect(await manager.get(registrar.metadata, { scope: 'two' })).toMatchObject({
    ok: false,
    error: { code: 'login_timeout', message },
  });
  expect(events).toContainEqual({ type: 'persist_failed', code: 'storage_unavailable', message: 'The disk is full.' });
});

it('registers anew after a login timeout with a client that is kept in memory only', async () => {
  const registrar = await startRegistrar();
  const directory = temporaryDirectory();
  let isAway = false;
  const openBrowser = async (url: string): Promise<void> => (isAway ? undefined : registrar.openBrowser(url));
  const { manager } = managerAt(directory, { cache: new Map(), login: { openBrowser, timeout: 2000 } });
  process.env['XDG_CONFIG_HOME'] = '/proc/no';
  await manager.getToken(registrar.metadata, { scope: 'one' });
  isAway = true;
  expect(await manager.get(registrar.metadata, { scope: 'two' })).toMatchObject({
    ok: false,
    error: { code: 'login_timeout' },
  });
  isAway = false;
  const token = await manager.getToken(registrar.metadata, { scope: 'two' });
  expect(token.issued_to?.client_id).toBe('client-2');
}, 60_000);
