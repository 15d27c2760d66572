import { tokenKey } from '@oa/token-cache';
import type { Store, Token } from '@oa/types';
import { expect, it } from 'vitest';
import { aged, agreeingBrowser, bearer, inTurn, managerAt, startScripted, temporaryDirectory } from './setup.ts';

const client_id = 'p';

it.each([
  ['fewer scopes', 'read', 'read write'],
  ['the same scopes in another order', 'write read', 'read write'],
  ['fewer scopes than were asked for and granted', 'read', undefined],
])('uses a stored token for %s, also in another process', async (_, scope, granted) => {
  const directory = temporaryDirectory();
  const { server, metadata } = await startScripted({
    '/token': bearer('all', granted === undefined ? {} : { scope: granted }),
  });
  await managerAt(directory, { login: { openBrowser: agreeingBrowser().openBrowser } }).manager.login(metadata, {
    client_id,
    scope: 'read write',
  });
  const { manager } = managerAt(directory, { interaction: 'never' });
  expect(await manager.get(metadata, { client_id, scope })).toMatchObject({ ok: true, value: { access_token: 'all' } });
  expect(server.requestsTo('/token')).toHaveLength(1);
});

it.each([
  ['a scope that was not granted', { client_id, scope: 'read admin' }],
  ['a scope that was asked for and not granted', { client_id, scope: 'write' }],
  ['another client', { client_id: 'q', scope: 'read' }],
  ['another profile', { client_id, scope: 'read', profile: 'work' }],
  ['another resource', { client_id, scope: 'read', resource: 'https://api.example/' }],
  ['another parameter', { client_id, scope: 'read', parameters: { tenant: 't' } }],
  ['no scope: what the server then grants is not known', { client_id }],
])('does not use it for %s', async (_, credentials) => {
  const directory = temporaryDirectory();
  const { metadata } = await startScripted({ '/token': bearer('all', { scope: 'read' }) });
  await managerAt(directory, { login: { openBrowser: agreeingBrowser().openBrowser } }).manager.login(metadata, {
    client_id,
    scope: 'read write',
  });
  const { manager } = managerAt(directory, { interaction: 'never' });
  expect(await manager.get(metadata, credentials)).toMatchObject({ ok: false, error: { code: 'login_required' } });
});

function cacheOf(issuer: string, tokens: Record<string, Partial<Token>>): Map<string, Token> {
  const entries = Object.entries(tokens).map(([scope, more]): [string, Token] => [
    tokenKey({ issuer, grant_type: 'authorization_code', client_id, scope }),
    { ...aged({ access_token: scope, token_type: 'Bearer' }, 3000), ...more },
  ]);
  return new Map(entries);
}

it('prefers the token with the fewest scopes, and one that is of use', async () => {
  const { metadata } = await startScripted();
  const cache = cacheOf(metadata.issuer, {
    'read old': { expires_at: 1 },
    'read write admin': {},
    'read write': {},
    read: { expires_at: 1 },
  });
  const { manager } = managerAt(temporaryDirectory(), { cache, interaction: 'never' });
  expect(await manager.getToken(metadata, { client_id, scope: 'read' })).toMatchObject({ access_token: 'read write' });
});

it('refreshes it under the key that it has', async () => {
  const { metadata } = await startScripted({ '/token': bearer('new', { refresh_token: 'r2' }) });
  const cache = cacheOf(metadata.issuer, { 'read write': { expires_at: 1, refresh_token: 'r1' } });
  const { manager } = managerAt(temporaryDirectory(), { cache, interaction: 'never' });
  expect(await manager.getToken(metadata, { client_id, scope: 'read' })).toMatchObject({ access_token: 'new' });
  expect([...cache.values()]).toMatchObject([{ access_token: 'new', refresh_token: 'r2', scope: 'read write' }]);
});

it('counts offline_access as granted where a refresh token came, although the server does not list it', async () => {
  const { metadata } = await startScripted();
  const cache = cacheOf(metadata.issuer, { 'offline_access read write': { scope: 'read write', refresh_token: 'r' } });
  const { manager } = managerAt(temporaryDirectory(), { cache, interaction: 'never' });
  const token = await manager.getToken(metadata, { client_id, scope: 'read offline_access' });
  expect(token.access_token).toBe('offline_access read write');
});

it('requests a token of its own for client credentials: a job gets no more than it asks for', async () => {
  const { server, metadata } = await startScripted({ '/token': inTurn(bearer('all'), bearer('one')) });
  const { manager } = managerAt(temporaryDirectory());
  const job = { client_id: 'c', client_secret: 's' };
  await manager.getToken(metadata, { ...job, scope: 'read write' });
  expect(await manager.getToken(metadata, { ...job, scope: 'read' })).toMatchObject({
    access_token: 'one',
    scope: 'read',
  });
  expect(server.requestsTo('/token')).toHaveLength(2);
});

it('logs out of it too: the user would still be logged in', async () => {
  const { metadata } = await startScripted();
  const cache = cacheOf(metadata.issuer, { 'read write': {}, read: {} });
  const { manager } = managerAt(temporaryDirectory(), { cache, interaction: 'never' });
  expect(await manager.logout(metadata, { client_id, scope: 'read' })).toEqual({ ok: true, value: true });
  expect(cache.size).toBe(0);
  expect(await manager.logout(metadata, { client_id, scope: 'read' })).toEqual({ ok: true, value: false });
});

it('goes on without a search where the store can not list its keys', async () => {
  const { metadata } = await startScripted({ '/token': bearer('own') });
  const all = cacheOf(metadata.issuer, { 'read write': {} });
  const cache: Store<Token> = {
    get: (key) => all.get(key),
    set: (key, value) => all.set(key, value),
    delete: (key) => all.delete(key),
  };
  const { manager } = managerAt(temporaryDirectory(), { cache, login: { openBrowser: agreeingBrowser().openBrowser } });
  expect(await manager.getToken(metadata, { client_id, scope: 'read' })).toMatchObject({ access_token: 'own' });
});
