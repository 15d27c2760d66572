import { tokenKey } from '@oa/token-cache';
import type { Store, Token } from '@oa/types';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { expect, it, onTestFinished } from 'vitest';
import { loggedIn, login, server, user } from './real-server.ts';
import {
  agreeingBrowser,
  aged,
  bearer,
  changeStored,
  managerAt,
  nearExpiry,
  startScripted,
  storedTokens,
  temporaryDirectory,
  typesOf,
} from './setup.ts';

it('emits waiting once while another process renews, then adopts its token', async () => {
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

it('hands out a token that is due early at once, and refreshes it in the background, once for many callers', async () => {
  const directory = temporaryDirectory();
  const old = await loggedIn(directory);
  await changeStored(directory, (token) => aged(token, 90));
  const { manager, events } = managerAt(directory);
  const tokens = await Promise.all(Array.from({ length: 50 }, () => manager.getToken(server.issuer, user())));
  expect(new Set(tokens.map((token) => token.access_token))).toEqual(new Set([old.access_token]));
  await expect.poll(() => events.filter(({ type }) => type === 'refreshed'), { timeout: 20_000 }).toHaveLength(1);
  expect(server.count('/token', 'refresh_token')).toBe(1);
  expect((await manager.getToken(server.issuer, user())).access_token).not.toBe(old.access_token);
});

it('makes one request for 200 concurrent calls with an expired token', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  await changeStored(directory, (token) => aged(token, 1));
  const { manager } = managerAt(directory);
  const tokens = await Promise.all(Array.from({ length: 200 }, () => manager.getToken(server.issuer, user())));
  expect(new Set(tokens.map((token) => token.access_token)).size).toBe(1);
  expect(server.count('/token')).toBe(1);
});

it('makes one refresh for 200 concurrent 401s, and does not hand out the rejected token', async () => {
  const directory = temporaryDirectory();
  const { access_token: rejected } = await loggedIn(directory);
  const source = managerAt(directory).manager.source(server.issuer, user());
  const tokens = await Promise.all(Array.from({ length: 200 }, () => source({ rejected })));
  expect(new Set(tokens.map((token) => token.access_token)).size).toBe(1);
  expect(tokens[0]?.access_token).not.toBe(rejected);
  expect(server.count('/token')).toBe(1);
  await source({ rejected });
  expect(server.count('/token')).toBe(1);
});

it('logs the user in again after a refused refresh token', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  await changeStored(directory, (token) => ({ ...aged(token, 1), refresh_token: 'never-issued' }));
  const { manager } = managerAt(directory, { login });
  expect((await manager.getToken(server.issuer, user())).refresh_token).toBeDefined();
  expect(server.count('/token', 'authorization_code')).toBe(1);
});

it('ends in login_required without a request where nothing is stored and no user can be asked', async () => {
  const { manager } = managerAt(temporaryDirectory(), { interaction: 'never' });
  expect(await manager.get(server.issuer, user())).toMatchObject({
    ok: false,
    error: { code: 'login_required', retryable: false },
  });
  expect(server.requests).toEqual([]);
});

it.each([
  ['a 503', { status: 503 }, 'http_error'],
  ['a broken connection', { drop: 'request' as const }, 'network_error'],
  ['a 429', { status: 429, headers: { 'retry-after': '900' } }, 'http_error'],
])(
  'after %s keeps the token, opens no browser, and serves a token that is still valid (RFC 6749 section 5.2)',
  async (_, reply, code) => {
    const directory = temporaryDirectory();
    await loggedIn(directory);
    const before = await changeStored(directory, (token) => aged(token, 30));
    const scripted = await startScriptedServer(() => reply);
    onTestFinished(() => scripted.close());
    const target = { issuer: server.issuer, token_endpoint: `${scripted.origin}/token` };
    const opened: string[] = [];
    const options = { login: { openBrowser: (url: string): void => void opened.push(url) } };

    const valid = managerAt(directory, options);
    expect(await valid.manager.getToken(target, user())).toEqual(before);
    expect(valid.events).toContainEqual({ type: 'served_stale', issuer: server.issuer, code });

    const expired = await changeStored(directory, (token) => aged(token, -1));
    const result = await managerAt(directory, options).manager.get(target, user());
    expect(result).toMatchObject({ ok: false, error: { code, retryable: true } });
    expect(storedTokens(directory)[0]).toEqual(expired);
    expect(opened).toEqual([]);
  },
);

it('does not serve a rejected token as still valid when the refresh fails', async () => {
  const directory = temporaryDirectory();
  const { access_token: rejected } = await loggedIn(directory);
  const scripted = await startScriptedServer(() => ({ status: 503 }));
  onTestFinished(() => scripted.close());
  const target = { issuer: server.issuer, token_endpoint: `${scripted.origin}/token` };
  expect(await managerAt(directory).manager.get(target, user(), { rejected })).toMatchObject({
    ok: false,
    error: { code: 'http_error' },
  });
});

it('stores the answer to a refresh that all callers have left, and hands it to the next caller', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  await changeStored(directory, (token) => aged(token, 1));
  const scripted = await startScriptedServer(() => ({
    delay: 200,
    json: { access_token: 'late', token_type: 'Bearer', expires_in: 3600, refresh_token: 'next' },
  }));
  onTestFinished(() => scripted.close());
  for (const cache of [undefined, new Map<string, Token>()]) {
    scripted.requests.length = 0;
    const { manager } = managerAt(directory, cache === undefined ? {} : { cache });
    const target = { issuer: server.issuer, token_endpoint: `${scripted.origin}/token` };
    const credentials = cache === undefined ? user() : { client_id: 'c', client_secret: 's' };
    const controller = new AbortController();
    const aborted = manager.get(target, credentials, { signal: controller.signal });
    await expect.poll(() => scripted.requests.length, { timeout: 20_000 }).toBe(1);
    controller.abort();
    await expect(aborted).rejects.toThrow('aborted');
    expect((await manager.getToken(target, credentials)).access_token).toBe('late');
    expect(scripted.requests).toHaveLength(1);
  }
  expect(storedTokens(directory)[0]?.refresh_token).toBe('next');
});

it('emits an event, opens no browser and keeps the token, when an early refresh is refused', async () => {
  const { server, metadata } = await startScripted({ '/token': { status: 400, json: { error: 'invalid_grant' } } });
  const cache = new Map([nearExpiry(metadata.issuer, { refresh_token: 'r' })]);
  const { openBrowser, urls } = agreeingBrowser();
  const { manager, events } = managerAt(temporaryDirectory(), { cache, login: { openBrowser } });
  expect((await manager.getToken(metadata, { client_id: 'p' })).access_token).toBe('old');
  await expect.poll(() => typesOf(events), { timeout: 20_000 }).toContain('early_refresh_failed');
  expect((await manager.getToken(metadata, { client_id: 'p' })).access_token).toBe('old');
  expect(server.requests).toHaveLength(1);
  expect(urls).toEqual([]);
});

it('asks no user ahead of time without a refresh token; obtains client credentials anew', async () => {
  const { server, metadata } = await startScripted({ '/token': bearer('new') });
  const { openBrowser, urls } = agreeingBrowser();
  const person = managerAt(temporaryDirectory(), {
    cache: new Map([nearExpiry(metadata.issuer)]),
    login: { openBrowser },
  }).manager;
  expect((await person.getToken(metadata, { client_id: 'p' })).access_token).toBe('old');
  const [, token] = nearExpiry(metadata.issuer);
  const key = tokenKey({ issuer: metadata.issuer, grant_type: 'client_credentials', client_id: 'c' });
  const credentials = { client_id: 'c', client_secret: 's' };
  const { manager } = managerAt(temporaryDirectory(), { cache: new Map([[key, token]]) });
  expect((await manager.getToken(metadata, credentials)).access_token).toBe('old');
  await expect
    .poll(async () => (await manager.getToken(metadata, credentials)).access_token, { timeout: 20_000 })
    .toBe('new');
  expect(server.requests).toHaveLength(1);
  expect(urls).toEqual([]);
});

it('hands no rejected token to a caller that joined the renewal of another one', async () => {
  const { server, metadata } = await startScripted((_, index) =>
    index === 0 ? { delay: 200, ...bearer('first') } : bearer('second'),
  );
  const { manager } = managerAt(temporaryDirectory());
  const credentials = { client_id: 'c', client_secret: 's' };
  const one = manager.getToken(metadata, credentials);
  const other = manager.getToken(metadata, credentials, { rejected: 'first' });
  expect((await one).access_token).toBe('first');
  expect((await other).access_token).toBe('second');
  expect(server.requests).toHaveLength(2);
});

it.each([
  ['another token', { access_token: 'newer' }],
  ['the same token with a later expiry', {}],
])(
  'adopts %s that another process has stored, even if it is valid for less than minimumValidity',
  async (_, change) => {
    const { server, metadata } = await startScripted({ '/token': bearer('obtained') });
    const [key, token] = nearExpiry(metadata.issuer, { refresh_token: 'r' });
    const stored = new Map([[key, token]]);
    const newer = { ...aged(token, 1000), ...change };
    const cache: Store<Token> = {
      get: (name) => stored.get(name),
      set: (name, value) => stored.set(name, value),
      delete: (name) => stored.delete(name),
      // As the lock does while another process holds it.
      lock: async (name, work, { whileWaiting } = {}) => {
        stored.set(name, newer);
        return (await whileWaiting?.()) ?? work();
      },
    };
    const { manager } = managerAt(temporaryDirectory(), { cache });
    const minimumValidity = 2_000_000;
    expect(await manager.getToken(metadata, { client_id: 'p' }, { minimumValidity })).toEqual(newer);
    expect(server.requests).toEqual([]);
  },
);

it('refreshes nothing ahead of time when the token was deleted meanwhile', async () => {
  const { server, metadata } = await startScripted({ '/token': bearer('new') });
  const [key, token] = nearExpiry(metadata.issuer, { refresh_token: 'r' });
  const stored = new Map([[key, token]]);
  const locked = Promise.withResolvers<void>();
  const cache: Store<Token> = {
    get: (name) => stored.get(name),
    set: (name, value) => stored.set(name, value),
    delete: (name) => stored.delete(name),
    lock: async (name, work) => {
      stored.delete(name);
      const result = await work();
      locked.resolve();
      return result;
    },
  };
  const { manager } = managerAt(temporaryDirectory(), { cache });
  expect(await manager.getToken(metadata, { client_id: 'p' })).toEqual(token);
  await locked.promise;
  expect(server.requests).toEqual([]);
  expect(stored.size).toBe(0);
});
