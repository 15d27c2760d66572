import { tokenKey } from '@oa/token-cache';
import type { Token } from '@oa/types';
import type { Reply } from '@oa-internal/scripted-server';
import { expect, it } from 'vitest';
import {
  aged,
  agreeingBrowser,
  bearer,
  inTurn,
  managerAt,
  startScripted,
  storeWithoutKeys,
  temporaryDirectory,
} from './setup.ts';

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

it('uses a token without a lifetime too, and prefers the one of the very scopes', async () => {
  const { metadata } = await startScripted();
  const endless = { expires_in: 0, expires_at: 1 };
  const cache = cacheOf(metadata.issuer, { read: endless, 'read write': {}, 'a b': endless });
  const { manager } = managerAt(temporaryDirectory(), { cache, interaction: 'never' });
  expect(await manager.getToken(metadata, { client_id, scope: 'read' })).toMatchObject({ access_token: 'read' });
  expect(await manager.getToken(metadata, { client_id, scope: 'a' })).toMatchObject({ access_token: 'a b' });
});

it('refreshes it under the key that it has', async () => {
  const { metadata } = await startScripted({ '/token': bearer('new', { refresh_token: 'r2' }) });
  const cache = cacheOf(metadata.issuer, { 'read write': { expires_at: 1, refresh_token: 'r1' } });
  const { manager } = managerAt(temporaryDirectory(), { cache, interaction: 'never' });
  expect(await manager.getToken(metadata, { client_id, scope: 'read' })).toMatchObject({ access_token: 'new' });
  expect([...cache.values()]).toMatchObject([{ access_token: 'new', refresh_token: 'r2', scope: 'read write' }]);
});

const refusedRefresh = ({ form }: { form: URLSearchParams }): Reply =>
  form.get('grant_type') === 'refresh_token' ? { status: 400, json: { error: 'invalid_grant' } } : bearer('new');

it.each([
  ['whose refresh is refused', { expires_at: 1, refresh_token: 'r' }, {}],
  ['that the resource server refuses', {}, { rejected: 'read write' }],
])('stores the login after a token %s under the key of what was asked for', async (_, stored, options) => {
  const { metadata } = await startScripted({ '/token': refusedRefresh });
  const cache = cacheOf(metadata.issuer, { 'read write': stored });
  const { openBrowser, urls } = agreeingBrowser();
  const { manager } = managerAt(temporaryDirectory(), { cache, login: { openBrowser } });
  const token = await manager.getToken(metadata, { client_id, scope: 'read' }, options);
  expect(token).toMatchObject({ access_token: 'new', scope: 'read' });
  expect(urls.map(({ searchParams }) => searchParams.get('scope'))).toEqual(['read']);
  expect([...cache.values()].map(({ access_token }) => access_token)).toEqual(['read write', 'new']);
  const wider = await manager.get(metadata, { client_id, scope: 'read write' }, { interaction: 'never' });
  expect(wider.ok && wider.value.access_token).not.toBe('new');
  expect(await manager.getToken(metadata, { client_id, scope: 'read' })).toEqual(token);
});

it('makes a login for each scope where two calls have used one token, whose refresh is refused', async () => {
  const { server, metadata } = await startScripted({ '/token': refusedRefresh });
  const cache = cacheOf(metadata.issuer, { 'read write': { expires_at: 1, refresh_token: 'r' } });
  const { manager } = managerAt(temporaryDirectory(), { cache, login: { openBrowser: agreeingBrowser().openBrowser } });
  const scopes = ['read', 'write'];
  const tokens = await Promise.all(scopes.map((scope) => manager.getToken(metadata, { client_id, scope })));
  expect(tokens.map(({ scope }) => scope)).toEqual(scopes);
  const grants = server.requestsTo('/token').map(({ form }) => form.get('grant_type'));
  expect(grants.filter((grant) => grant === 'refresh_token')).toHaveLength(1);
});

it('asks the user where a refresh has narrowed the scopes (RFC 6749 section 6)', async () => {
  const { metadata } = await startScripted({
    '/token': ({ form }) =>
      form.get('grant_type') === 'refresh_token' ? bearer('narrow', { scope: 'write' }) : bearer('new'),
  });
  const cache = cacheOf(metadata.issuer, { 'read write': { expires_at: 1, refresh_token: 'r' } });
  const { manager } = managerAt(temporaryDirectory(), { cache, login: { openBrowser: agreeingBrowser().openBrowser } });
  const tokens = ['write', 'read'].map((scope) => manager.getToken(metadata, { client_id, scope }));
  expect(await Promise.all(tokens)).toMatchObject([{ access_token: 'narrow' }, { access_token: 'new', scope: 'read' }]);
});

it('names the refusal of its refresh where no user can be asked', async () => {
  const { metadata } = await startScripted({ '/token': refusedRefresh });
  const cache = cacheOf(metadata.issuer, { 'read write': { expires_at: 1, refresh_token: 'r' } });
  const { manager } = managerAt(temporaryDirectory(), { cache, interaction: 'never' });
  const result = await manager.get(metadata, { client_id, scope: 'read' });
  expect(result).toMatchObject({ ok: false, error: { code: 'login_required', error: 'invalid_grant' } });
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

it.each([
  ['none of its own', {}],
  ['an expired one of its own', { read: { expires_at: 1 } }],
])('logs out of each of them where there is %s', async (_, own) => {
  const { metadata } = await startScripted();
  const cache = cacheOf(metadata.issuer, { ...own, 'read write': {}, 'read admin': {}, other: {} });
  const { manager } = managerAt(temporaryDirectory(), { cache, interaction: 'never' });
  expect(await manager.logout(metadata, { client_id, scope: 'read' })).toEqual({ ok: true, value: true });
  expect([...cache.values()].map(({ access_token }) => access_token)).toEqual(['other']);
});

it('goes on without a search where the store can not list its keys', async () => {
  const { metadata } = await startScripted({ '/token': bearer('own') });
  const cache = storeWithoutKeys(cacheOf(metadata.issuer, { 'read write': {} }));
  const { manager } = managerAt(temporaryDirectory(), { cache, login: { openBrowser: agreeingBrowser().openBrowser } });
  expect(await manager.getToken(metadata, { client_id, scope: 'read' })).toMatchObject({ access_token: 'own' });
});
