import { fileTokenCache, tokenKey } from '@oa/token-cache';
import { OAuthError, type Store, type Token } from '@oa/types';
import { startScriptedServer, type Reply } from '@oa-internal/scripted-server';
import { expect, it, onTestFinished } from 'vitest';
import { loggedIn, server, user } from './real-server.ts';
import {
  aged,
  bearer,
  changeStored,
  nearExpiry,
  managerAt,
  startScripted,
  storedTokens,
  temporaryDirectory,
  tokensDirectory,
} from './setup.ts';

it('refreshes once when less than 60 s are left; the new refresh token is on disk when the token is handed out (RFC 9700 section 4.14.2)', async () => {
  const directory = temporaryDirectory();
  const old = await loggedIn(directory);
  await changeStored(directory, (token) => aged(token, 59));
  const { manager, events } = managerAt(directory);
  const token = await manager.getToken(server.issuer, user());
  expect(token.access_token).not.toBe(old.access_token);
  expect(storedTokens(directory)[0]).toEqual(token);
  expect(server.count('/token', 'refresh_token')).toBe(1);
  expect(events.map(({ type }) => type)).toEqual(['refreshed']);
});

it('uses the refresh token that another program has stored meanwhile, and does not delete it, when its own is refused', async () => {
  const directory = temporaryDirectory();
  const good = await loggedIn(directory);
  const scripted = await startScriptedServer();
  onTestFinished(() => scripted.close());
  const target = { issuer: server.issuer, token_endpoint: `${scripted.origin}/token` };
  await changeStored(directory, (token) => ({ ...aged(token, 1), refresh_token: 'stale' }));
  scripted.script(async ({ form }) => {
    if (form.get('refresh_token') === 'stale') {
      await changeStored(directory, () => ({ ...good, expires_at: 1, refresh_token: 'winner' }));
      return { status: 400, json: { error: 'invalid_grant' } };
    }
    return { json: { access_token: 'renewed', token_type: 'Bearer', expires_in: 3600 } };
  });
  const token = await managerAt(directory).manager.getToken(target, user());
  expect(token).toMatchObject({ access_token: 'renewed', refresh_token: 'winner' });
  expect(scripted.requests.map(({ form }) => form.get('refresh_token'))).toEqual(['stale', 'winner']);
});

it('deletes a refused refresh token, and ends in login_required that names the cause, where no user can be asked', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  await changeStored(directory, (token) => ({ ...aged(token, -1), refresh_token: 'never-issued' }));
  const { manager, events } = managerAt(directory, { interaction: 'never' });
  const result = await manager.get(server.issuer, user());
  expect(result).toMatchObject({ ok: false, error: { code: 'login_required', error: 'invalid_grant' } });
  expect(events).toContainEqual({
    type: 'session_ended',
    issuer: server.issuer,
    code: 'oauth_error',
    error: 'invalid_grant',
  });
  expect(storedTokens(directory)[0]?.refresh_token).toBeUndefined();
  expect(server.count('/token')).toBe(1);
  expect(await manager.get(server.issuer, user())).toMatchObject({ ok: false, error: { code: 'login_required' } });
  expect(server.count('/token')).toBe(1);
});

it('sends the client_id of a public client in the body, without an Authorization header (RFC 6749 section 3.2.1)', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  await changeStored(directory, (token) => aged(token, 1));
  const scripted = await startScriptedServer(() => ({
    json: { access_token: 'a', token_type: 'Bearer', expires_in: 3600 },
  }));
  onTestFinished(() => scripted.close());
  await managerAt(directory).manager.getToken(
    { issuer: server.issuer, token_endpoint: `${scripted.origin}/token` },
    user(),
  );
  expect(scripted.requests[0]?.form.get('client_id')).toBe(server.public.client_id);
  expect(scripted.requests[0]?.headers.authorization).toBeUndefined();
});

it('ends in refresh_interrupted when an interrupted refresh has used the refresh token', async () => {
  const { server, metadata } = await startScripted({ '/token': { status: 400, json: { error: 'invalid_grant' } } });
  const map = new Map([nearExpiry(metadata.issuer, { refresh_token: 'used up', expires_at: 1 })]);
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
  expect(result.ok || result.error.message).toContain('The answer to an earlier refresh request was lost');
  expect(events).toContainEqual({
    type: 'session_ended',
    issuer: metadata.issuer,
    code: 'refresh_interrupted',
    error: 'invalid_grant',
  });
  expect(server.requests).toHaveLength(1);
});

it('sends the resource with the refresh token (RFC 8707 section 2.2)', async () => {
  const { server, metadata } = await startScripted({ '/token': bearer('new') });
  const resource = 'https://api.example/v1';
  const key = tokenKey({ issuer: metadata.issuer, grant_type: 'authorization_code', client_id: 'p', resource });
  const expired = aged({ access_token: 'old', token_type: 'Bearer', refresh_token: 'r' }, -1);
  const { manager } = managerAt(temporaryDirectory(), { cache: new Map([[key, expired]]) });
  await manager.getToken(metadata, { client_id: 'p', resource });
  expect(server.requests.map(({ form }) => [form.get('grant_type'), form.get('resource')])).toEqual([
    ['refresh_token', resource],
  ]);
});

it('sends the refreshParameters of the credentials, which are no part of the key (RFC 6749 section 6)', async () => {
  const { server, metadata } = await startScripted({ '/token': bearer('new') });
  const cache = new Map([nearExpiry(metadata.issuer, { refresh_token: 'r', expires_at: 1 })]);
  const { manager } = managerAt(temporaryDirectory(), { cache });
  await manager.getToken(metadata, { client_id: 'p', refreshParameters: { audience: 'https://api.example' } });
  expect(server.requests.map(({ form }) => [form.get('grant_type'), form.get('audience')])).toEqual([
    ['refresh_token', 'https://api.example'],
  ]);
  expect(cache.size).toBe(1);
});

it('leaves it to the server whether a scope in the refreshParameters is wider than the granted one', async () => {
  const { server, metadata } = await startScripted({ '/token': bearer('new') });
  const cache = new Map([nearExpiry(metadata.issuer, { refresh_token: 'r', expires_at: 1, scope: 'a' })]);
  const { manager } = managerAt(temporaryDirectory(), { cache });
  const token = await manager.getToken(metadata, { client_id: 'p', refreshParameters: { scope: 'a b' } });
  expect(server.requests.map(({ form }) => form.get('scope'))).toEqual(['a b']);
  expect(token.access_token).toBe('new');
});

it('keeps the members that the login delivered and the refresh left out, except for lifetimes', async () => {
  const { metadata } = await startScripted({ '/token': { json: { access_token: 'new', token_type: 'Bearer' } } });
  const more = { id_token: 'i', instance_url: 'https://eu1.example', scope: 'a b', refresh_token: 'r', expires_at: 1 };
  const cache = new Map([nearExpiry(metadata.issuer, more)]);
  const { manager } = managerAt(temporaryDirectory(), { cache });
  const token = await manager.getToken(metadata, { client_id: 'p' });
  expect(token).toMatchObject({
    access_token: 'new',
    id_token: 'i',
    instance_url: 'https://eu1.example',
    scope: 'a b',
  });
  expect(token).not.toHaveProperty('expires_in');
  expect(token).not.toHaveProperty('expires_at');
  expect([...cache.values()]).toEqual([token]);
});

it('ends the wait of the callers after the timeout, and still stores the answer of the server', async () => {
  const { server, metadata } = await startScripted({
    '/token': { delay: 1500, ...bearer('late', { refresh_token: 'second' }) },
  });
  const directory = temporaryDirectory();
  const cache = fileTokenCache({ directory: tokensDirectory(directory) });
  const [key, token] = nearExpiry(metadata.issuer, { refresh_token: 'first', expires_at: 1 });
  await cache.set(key, token);
  const { manager } = managerAt(directory, { timeout: 1000 });
  expect(await manager.get(metadata, { client_id: 'p' })).toMatchObject({
    ok: false,
    error: { code: 'timeout', retryable: true, sent: true },
  });
  expect(storedTokens(directory)[0]?.refresh_token).toBe('first');
  await expect.poll(() => storedTokens(directory)[0]?.refresh_token, { timeout: 20_000 }).toBe('second');
  expect((await manager.getToken(metadata, { client_id: 'p' })).access_token).toBe('late');
  expect(server.requests).toHaveLength(1);
});

it('says after a lost answer that the refresh was interrupted, when the server refuses the refresh token (RFC 9700 section 4.14.2)', async () => {
  let isLosing = true;
  const { metadata } = await startScripted({
    '/token': () => (isLosing ? { drop: 'request' } : { status: 400, json: { error: 'invalid_grant' } }),
  });
  const directory = temporaryDirectory();
  const cache = fileTokenCache({ directory: tokensDirectory(directory) });
  await cache.set(...nearExpiry(metadata.issuer, { refresh_token: 'r', expires_at: 1 }));
  const lost = await managerAt(directory, { interaction: 'never' }).manager.get(metadata, { client_id: 'p' });
  expect(lost).toMatchObject({ ok: false, error: { code: 'network_error', sent: true } });
  isLosing = false;
  expect(await managerAt(directory, { interaction: 'never' }).manager.get(metadata, { client_id: 'p' })).toMatchObject({
    ok: false,
    error: { code: 'refresh_interrupted', error: 'invalid_grant' },
  });
});

it.each([
  ['a 503', { status: 503 }],
  ['a 429', { status: 429 }],
])('leaves no sign of an interruption after %s', async (_, reply) => {
  let isOut = true;
  const { metadata } = await startScripted({
    '/token': () => (isOut ? reply : { status: 400, json: { error: 'invalid_grant' } }),
  });
  const directory = temporaryDirectory();
  const cache = fileTokenCache({ directory: tokensDirectory(directory) });
  await cache.set(...nearExpiry(metadata.issuer, { refresh_token: 'r', expires_at: 1 }));
  const options = { interaction: 'never', timeout: 1000 } as const;
  expect(await managerAt(directory, options).manager.get(metadata, { client_id: 'p' })).toMatchObject({ ok: false });
  isOut = false;
  expect(await managerAt(directory, options).manager.get(metadata, { client_id: 'p' })).toMatchObject({
    ok: false,
    error: { code: 'login_required', error: 'invalid_grant' },
  });
});

it.each<[string, Reply]>([
  ['a gateway that lost the answer (502)', { status: 502 }],
  ['a gateway that did not wait (504)', { status: 504 }],
  ['a body that is cut', { body: '{"access_token":"x', headers: { 'content-type': 'application/json' } }],
  ['a page with status 200', { body: '<p>', headers: { 'content-type': 'text/html' } }],
])('says after %s that the refresh was interrupted, when the server refuses the refresh token', async (_, lost) => {
  let isLosing = true;
  const { metadata } = await startScripted({
    '/token': () => (isLosing ? lost : { status: 400, json: { error: 'invalid_grant' } }),
  });
  const directory = temporaryDirectory();
  const cache = fileTokenCache({ directory: tokensDirectory(directory) });
  await cache.set(...nearExpiry(metadata.issuer, { refresh_token: 'r', expires_at: 1 }));
  const run = async () => managerAt(directory, { interaction: 'never' }).manager.get(metadata, { client_id: 'p' });
  expect(await run()).toMatchObject({ ok: false });
  isLosing = false;
  expect(await run()).toMatchObject({ ok: false, error: { code: 'refresh_interrupted', error: 'invalid_grant' } });
});

it('adopts what the next holder of the lock has stored, where its own answer comes too late', async () => {
  const { metadata } = await startScripted(() => bearer('late', { refresh_token: 'late' }));
  const values = new Map<string, Token>();
  const newer: Token = { access_token: 'newer', token_type: 'Bearer', expires_in: 3600, refresh_token: 'newer' };
  const key = tokenKey({ issuer: metadata.issuer, client_id: 'tool', grant_type: 'authorization_code' });
  values.set(key, { access_token: 'old', token_type: 'Bearer', expires_at: 1, refresh_token: 'old' });
  const cache: Store<Token> = {
    get: (each) => values.get(each),
    delete: (each) => values.delete(each),
    set: (each) => {
      values.set(each, { ...newer, expires_at: Math.floor(Date.now() / 1000) + 3600 });
      throw new OAuthError('lock_lost', 'Another process has stored a newer token.', { retryable: true });
    },
  };
  const { manager, events } = managerAt(temporaryDirectory(), { cache });
  expect(await manager.getToken(metadata, { client_id: 'tool' })).toMatchObject({ access_token: 'newer' });
  expect(await manager.getToken(metadata, { client_id: 'tool' })).toMatchObject({ access_token: 'newer' });
  expect(events.map(({ type }) => type)).toEqual(['adopted', 'cache_hit']);
});
