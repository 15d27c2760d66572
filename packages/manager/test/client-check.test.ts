import { readFileSync } from 'node:fs';
import { fileClientStore } from '@oa/client-store';
import { OAuthError } from '@oa/types';
import type { Reply } from '@oa-internal/scripted-server';
import { expect, it } from 'vitest';
import { login, server } from './real-server.ts';
import { minimalClientStore, registeredClient, registeredFile, startRegistrar, type Registrar } from './registrar.ts';
import { aged, changeStored, managerAt, temporaryDirectory } from './setup.ts';

/** A user who has logged in with a registered client. */
async function loggedIn(prepare: (registrar: Registrar) => void = () => {}): Promise<{
  registrar: Registrar;
  directory: string;
}> {
  const registrar = await startRegistrar();
  prepare(registrar);
  const directory = temporaryDirectory();
  await getToken(registrar, directory, 'one');
  return { registrar, directory };
}

/** One run of the program, with the events that it had. A new scope needs a new login. */
async function getToken(registrar: Registrar, directory: string, scope: string): Promise<string[]> {
  const { manager, events } = managerAt(directory, { login: { openBrowser: registrar.openBrowser } });
  await manager.getToken(registrar.metadata, { scope });
  return events.map((event) => ('reason' in event ? `${event.type} ${event.reason}` : event.type));
}

it('registers anew before the browser opens, where a real server has deleted the registration (RFC 7592 section 2.1)', async () => {
  const directory = temporaryDirectory();
  await managerAt(directory, { login }).manager.getToken(server.issuer, { scope: 'openid' });
  const { [server.issuer]: before } = JSON.parse(readFileSync(registeredFile(directory), 'utf8')) as Record<
    string,
    { client_id: string; registration_access_token: string; registration_client_uri: string }
  >;
  const headers = { authorization: `Bearer ${before?.registration_access_token}` };
  await fetch(before?.registration_client_uri ?? '', { method: 'DELETE', headers });
  server.requests.length = 0;
  const { manager, events } = managerAt(directory, { login });
  await manager.getToken(server.issuer, { scope: 'openid read' });
  const ofRegistration = server.requests.filter(({ path }) => path.startsWith('/register'));
  expect(ofRegistration.map(({ method }) => method)).toEqual(['GET', 'POST', 'GET']);
  expect(server.requests.filter(({ path }) => path === '/authorize')).toHaveLength(1);
  expect(events).toContainEqual({
    type: 'registration_replaced',
    issuer: server.issuer,
    reason: 'unknown_client',
  });
});

it('reads a registration that a real server knows, and logs in with it', async () => {
  const directory = temporaryDirectory();
  for (const profile of ['first', 'second', 'third'])
    await managerAt(directory, { login }).manager.getToken(server.issuer, { scope: 'openid read', profile });
  const ofRegistration = server.requests.filter(({ path }) => path.startsWith('/register'));
  expect(ofRegistration.map(({ method }) => method)).toEqual(['POST', 'GET', 'GET']);
});

it.each<[string, Reply]>([
  ['the status 401', { status: 401 }],
  ['the status 404', { status: 404 }],
  ['the status 410', { status: 410 }],
  ['invalid_token', { status: 400, json: { error: 'invalid_token' } }],
])('registers anew, once, where the server answers the read with %s', async (_, reply) => {
  const { registrar, directory } = await loggedIn();
  registrar.manage = ({ path }) => (path.endsWith('client-1') ? reply : undefined);
  expect(await getToken(registrar, directory, 'two')).toContain('registration_replaced unknown_client');
  expect(await getToken(registrar, directory, 'three')).not.toContain('registered');
  expect([registrar.registrations(), registrar.openings()]).toEqual([2, 3]);
  expect(registeredClient(directory, registrar)).toMatchObject({ client_id: 'client-2' });
});

it.each<[string, Reply]>([
  ['breaks the connection', { drop: 'request' }],
  ['answers with the status 500', { status: 500 }],
  ['answers with the status 429', { status: 429, headers: { 'retry-after': '3600' } }],
  ['forbids it (403)', { status: 403, json: { error: 'access_denied' } }],
  ['does not support it (405)', { status: 405 }],
  ['answers with a page', { headers: { 'content-type': 'text/html' }, body: '<p>Log in to the network</p>' }],
])(
  'logs in with the remembered registration where the read of it %s',
  async (_, reply) => {
    const { registrar, directory } = await loggedIn();
    const before = readFileSync(registeredFile(directory), 'utf8');
    registrar.manage = () => reply;
    expect(await getToken(registrar, directory, 'two')).toContain('obtained');
    expect([registrar.registrations(), registrar.openings()]).toEqual([1, 2]);
    expect(readFileSync(registeredFile(directory), 'utf8')).toBe(before);
  },
  60_000,
);

it('stores what the read returns: a new secret and a new access token (RFC 7592 section 3)', async () => {
  const { registrar, directory } = await loggedIn();
  const issued = { registration_access_token: 'rotated', scope: 'changed' };
  registrar.manage = () => ({ json: { client_id: 'client-1', ...issued } });
  const { redirect_uris } = registeredClient(directory, registrar) ?? {};
  await getToken(registrar, directory, 'two');
  expect(registeredClient(directory, registrar)).toMatchObject({ client_id: 'client-1', redirect_uris, ...issued });
});

it('does not register at every login where the server can not read what it has just registered', async () => {
  const { registrar, directory } = await loggedIn((one) => {
    one.manage = () => ({ status: 404 });
  });
  for (const scope of ['two', 'three', 'four']) await getToken(registrar, directory, scope);
  expect(registrar.registrations()).toBe(2);
  expect(registrar.managements()).toEqual(['GET', 'GET']);
});

it('renews a secret that is about to expire for a login, and registers no client (RFC 7592 section 2.2)', async () => {
  const { registrar, directory } = await loggedIn((one) => {
    one.secretLifetime = 90;
  });
  registrar.secretLifetime = 3600;
  const now = (): number => Date.now() + 60_000;
  const { manager, events } = managerAt(directory, { now, login: { openBrowser: registrar.openBrowser } });
  await manager.getToken(registrar.metadata, { scope: 'two' });
  expect([registrar.registrations(), registrar.managements()]).toEqual([1, ['GET', 'PUT']]);
  expect(events).toContainEqual({ type: 'registration_renewed', issuer: registrar.metadata.issuer });
  const stored = registeredClient(directory, registrar);
  expect(stored).toMatchObject({ client_id: 'client-1', client_secret: registrar.clients.get('client-1') });
  expect(registrar.server.requestsTo('/token').at(-1)?.form.get('client_secret')).toBe(stored?.['client_secret']);
});

it('renews a secret that is about to expire for a refresh', async () => {
  const { registrar, directory } = await loggedIn((one) => {
    one.secretLifetime = 90;
  });
  await changeStored(directory, (token) => aged(token, -1));
  registrar.secretLifetime = 3600;
  const now = (): number => Date.now() + 60_000;
  const { manager, events } = managerAt(directory, { now, interaction: 'never' });
  await manager.getToken(registrar.metadata, { scope: 'one' });
  expect([registrar.registrations(), registrar.managements()]).toEqual([1, ['GET', 'PUT']]);
  expect(registrar.refreshedBy).toEqual(['client-1']);
  expect(events).toContainEqual({ type: 'registration_renewed', issuer: registrar.metadata.issuer });
});

it.each<[string, (registrar: Registrar) => void, string[]]>([
  [
    'refuses to renew it',
    (one) => (one.manage = ({ method }) => (method === 'PUT' ? { status: 403 } : undefined)),
    ['GET', 'PUT'],
  ],
  ['refuses to read it', (one) => (one.manage = () => ({ status: 401 })), ['GET']],
  ['offers no management', (one) => (one.managed = false), []],
])('refreshes with a secret that is about to expire where the server %s', async (_, refuse, managements) => {
  const registrar = await startRegistrar();
  registrar.secretLifetime = 90;
  if (managements.length === 0) refuse(registrar);
  const directory = temporaryDirectory();
  await getToken(registrar, directory, 'one');
  refuse(registrar);
  await changeStored(directory, (token) => aged(token, -1));
  const now = (): number => Date.now() + 60_000;
  await managerAt(directory, { now, interaction: 'never' }).manager.getToken(registrar.metadata, { scope: 'one' });
  expect([registrar.registrations(), registrar.managements(), registrar.refreshedBy]).toEqual([
    1,
    managements,
    ['client-1'],
  ]);
});

it('logs in and refreshes with the client of a store that can change none, and asks no server about it', async () => {
  const registrar = await startRegistrar();
  registrar.secretLifetime = 90;
  const directory = temporaryDirectory();
  const clients = minimalClientStore(directory);
  const { openBrowser } = registrar;
  for (const scope of ['one', 'two'])
    await managerAt(directory, { clients, login: { openBrowser } }).manager.getToken(registrar.metadata, { scope });
  await changeStored(directory, (token) => aged(token, -1));
  const now = (): number => Date.now() + 60_000;
  const { manager } = managerAt(directory, { clients, now, interaction: 'never' });
  await manager.getToken(registrar.metadata, { scope: 'one' });
  expect([registrar.registrations(), registrar.managements()]).toEqual([1, []]);
  expect(registrar.refreshedBy).toEqual(['client-1']);
});

it('registers no client where a store that finds none can not be listed for a moment', async () => {
  const registrar = await startRegistrar();
  const directory = temporaryDirectory();
  const clients = {
    ...minimalClientStore(directory),
    list: () => Promise.reject(new OAuthError('storage_unavailable', 'Locked.', { retryable: true })),
  };
  const { manager } = managerAt(directory, { clients, login: { openBrowser: registrar.openBrowser } });
  expect(await manager.get(registrar.metadata, {})).toMatchObject({
    ok: false,
    error: { code: 'storage_unavailable', message: 'Locked.' },
  });
  expect([registrar.registrations(), registrar.openings()]).toEqual([0, 0]);
});

it.each<[string, boolean, object, number]>([
  [
    'returns the error where the lock of the store is held for long',
    true,
    { ok: false, error: { code: 'lock_timeout' } },
    1,
  ],
  ['logs in all the same where the store can only be read', false, { ok: true }, 2],
])('asks the server about a remembered client, and %s', async (_, retryable, result, openings) => {
  const { registrar, directory } = await loggedIn();
  const code = retryable ? 'lock_timeout' : 'storage_unavailable';
  const clients = {
    ...fileClientStore({ path: registeredFile(directory) }),
    update: () => Promise.reject(new OAuthError(code, 'Not written.', { retryable })),
  };
  const { manager } = managerAt(directory, { clients, login: { openBrowser: registrar.openBrowser } });
  expect(await manager.get(registrar.metadata, { scope: 'two' })).toMatchObject(result);
  expect([registrar.registrations(), registrar.openings()]).toEqual([1, openings]);
});
