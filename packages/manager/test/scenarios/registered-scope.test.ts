import type { Token } from '@oa/types';
import { expect, it } from 'vitest';
import { login, server } from '../real-server.ts';
import { startRegistrar, registeredClient, type Registrar } from '../registrar.ts';
import { managerAt, temporaryDirectory, typesOf } from '../setup.ts';

const requestsOf = (method: string): number =>
  server.requests.filter((request) => request.method === method && request.path.startsWith('/register')).length;

it('registers no scope, so that oidc-provider grants each scope that a later login asks for', async () => {
  const { manager } = managerAt(temporaryDirectory(), { login });
  await manager.getToken(server.issuer, { scope: 'openid' });
  const { scope } = await manager.getToken(server.issuer, { scope: 'openid read write' });
  expect(scope).toBe('openid read write');
  expect([requestsOf('POST'), requestsOf('PUT')]).toEqual([1, 0]);
});

it('adds a scope to the registration of an earlier version, which oidc-provider holds the client to (RFC 7592 section 2.2)', async () => {
  const directory = temporaryDirectory();
  await managerAt(directory, { login, registration: { scope: 'openid' } }).manager.getToken(server.issuer, {
    scope: 'openid',
  });
  const { manager, events } = managerAt(directory, { login });
  const { scope } = await manager.getToken(server.issuer, { scope: 'openid read' });
  expect(scope).toBe('openid read');
  await manager.getToken(server.issuer, { scope: 'read' });
  expect([requestsOf('POST'), requestsOf('PUT')]).toEqual([1, 1]);
  expect(typesOf(events)).toContain('registration_renewed');
});

/** A server that grants a client only the scopes of its registration, and knows none of `unknown`. */
async function startLimited(unknown: string[] = []): Promise<Registrar & { refusals: () => number }> {
  const registrar = await startRegistrar();
  registrar.managed = false;
  const granted = new Map<string, string[]>();
  let refusals = 0;
  registrar.change = (metadata) => {
    const asked = typeof metadata['scope'] === 'string' ? metadata['scope'].split(' ') : ['basic'];
    const scopes = asked.filter((scope) => !unknown.includes(scope));
    granted.set(`client-${registrar.registrations()}`, scopes);
    return { ...metadata, scope: scopes.join(' ') };
  };
  registrar.refuse = (request) => {
    const scopes = granted.get(request.get('client_id') ?? '') ?? [];
    if (
      request
        .get('scope')
        ?.split(' ')
        .every((scope) => scopes.includes(scope)) === true
    )
      return undefined;
    refusals += 1;
    return 'invalid_scope';
  };
  return Object.assign(registrar, { refusals: () => refusals });
}

const clientOf = ({ issued_to }: Token): string | undefined => issued_to?.client_id;

it('registers one new client with the scopes, where the server refuses them and lets clients change nothing', async () => {
  const registrar = await startLimited();
  const { openBrowser, metadata } = registrar;
  const directory = temporaryDirectory();
  const first = await managerAt(directory, { login: { openBrowser } }).manager.getToken(metadata, { scope: 'basic' });
  const { manager, events } = managerAt(directory, { login: { openBrowser } });
  const token = await manager.getToken(metadata, { scope: 'basic read' });
  expect([clientOf(first), clientOf(token)]).toEqual(['client-1', 'client-2']);
  expect(events).toContainEqual({ type: 'registration_replaced', issuer: metadata.issuer, reason: 'scope' });
  await managerAt(directory, { login: { openBrowser } }).manager.getToken(metadata, { scope: 'read' });
  expect([registrar.registrations(), registrar.refusals()]).toEqual([2, 1]);
  expect(registeredClient(directory, registrar)).toMatchObject({ client_id: 'client-2', scope: 'basic read' });
});

it('registers the scopes of the client that is replaced too, so that logins for either need no other client', async () => {
  const registrar = await startLimited();
  const { openBrowser, metadata } = registrar;
  const directory = temporaryDirectory();
  const logIn = async (scope: string): Promise<void> => {
    const { manager } = managerAt(directory, { login: { openBrowser } });
    expect(await manager.login(metadata, { scope })).toMatchObject({ ok: true });
  };
  for (const scope of ['mail', 'files', 'mail', 'files']) await logIn(scope);
  // One client without scopes, and one for each scope that was refused.
  expect([registrar.registrations(), registrar.refusals()]).toEqual([3, 2]);
  expect(registeredClient(directory, registrar)?.['scope']).toBe('basic mail files');
});

it('registers once for a scope that the server does not know, however often it is asked for', async () => {
  const registrar = await startLimited(['unknown']);
  const { openBrowser, metadata } = registrar;
  const directory = temporaryDirectory();
  await managerAt(directory, { login: { openBrowser } }).manager.getToken(metadata, { scope: 'basic' });
  for (let run = 0; run < 3; run += 1) {
    const { manager } = managerAt(directory, { login: { openBrowser } });
    const failed = await manager.get(metadata, { scope: 'basic unknown' });
    expect(failed).toMatchObject({ ok: false, error: { code: 'oauth_error', error: 'invalid_scope' } });
  }
  expect([registrar.registrations(), registrar.refusals()]).toEqual([2, 4]);
  await managerAt(directory, { login: { openBrowser } }).manager.getToken(metadata, { scope: 'basic' });
  expect(registrar.registrations()).toBe(2);
});

it('ends in invalid_scope, and keeps the client, where the server refuses to register the scope', async () => {
  const registrar = await startLimited();
  const { openBrowser, metadata } = registrar;
  const directory = temporaryDirectory();
  const { manager } = managerAt(directory, { login: { openBrowser } });
  await manager.getToken(metadata, { scope: 'basic' });
  registrar.register = () => ({ status: 400, json: { error: 'invalid_client_metadata' } });
  const failed = await manager.get(metadata, { scope: 'admin' });
  expect(failed).toMatchObject({ ok: false, error: { error: 'invalid_scope' } });
  expect(registrar.refusals()).toBe(1);
  expect(registeredClient(directory, registrar)).toMatchObject({ client_id: 'client-1' });
});

it('never registers for a configured client whose scope is refused', async () => {
  const registrar = await startLimited();
  registrar.clients.set('mine', undefined);
  const { openBrowser, metadata } = registrar;
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser } });
  const failed = await manager.get(metadata, { client_id: 'mine', scope: 'admin' });
  expect(failed).toMatchObject({ ok: false, error: { error: 'invalid_scope' } });
  expect([registrar.registrations(), registrar.refusals()]).toEqual([0, 1]);
});
