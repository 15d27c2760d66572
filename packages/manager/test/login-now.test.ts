import type { ManagerLoginOptions } from '@oa/manager';
import { fileTokenCache, tokenKey } from '@oa/token-cache';
import { OAuthError, type Token } from '@oa/types';
import { expect, it } from 'vitest';
import { login as browser, server, user } from './real-server.ts';
import {
  aged,
  agreeingBrowser,
  bearer,
  inTurn,
  managerAt,
  startScripted,
  storedTokens,
  temporaryDirectory,
  tokensDirectory,
  typesOf,
} from './setup.ts';

const client_id = 'p';

it('logs in although a token is stored, and stores the new one where get finds it', async () => {
  const directory = temporaryDirectory();
  const { manager, events } = managerAt(directory, { login: browser });
  const first = await manager.getToken(server.issuer, user());
  const second = await manager.login(server.issuer, user());
  expect(second).toMatchObject({ ok: true, value: { token_type: 'Bearer', scope: 'openid offline_access' } });
  expect(second.ok && second.value.access_token).not.toBe(first.access_token);
  expect(server.count('/token', 'authorization_code')).toBe(2);
  expect(events).toContainEqual(expect.objectContaining({ type: 'grant_needed', reason: 'login_requested' }));
  const other = managerAt(directory, { interaction: 'never' }).manager;
  expect(await other.get(server.issuer, user())).toEqual(second);
  expect(storedTokens(directory)).toHaveLength(1);
});

it('sends the parameters of a login on the wire, and keeps them out of the key', async () => {
  const { metadata } = await startScripted({ '/token': inTurn(bearer('first'), bearer('second')) });
  const { openBrowser, urls } = agreeingBrowser();
  const directory = temporaryDirectory();
  const { manager } = managerAt(directory, { login: { openBrowser } });
  const parameters = {
    prompt: 'select_account',
    login_hint: 'alice@example.com',
    max_age: '60',
    ui_locales: 'de',
    acr_values: 'high',
  };
  await manager.login(metadata, { client_id }, { parameters });
  expect(Object.fromEntries(urls[0]?.searchParams ?? [])).toMatchObject(parameters);
  expect(await manager.getToken(metadata, { client_id })).toMatchObject({ access_token: 'first' });
  // With the parameters in the credentials too.
  expect(await manager.getToken(metadata, { client_id, parameters })).toMatchObject({ access_token: 'first' });
  expect(storedTokens(directory)).toHaveLength(1);
});

it.each(['scope', 'resource', 'audience'])(
  'refuses the parameter %s, which belongs to the credentials',
  async (name) => {
    const { manager } = managerAt(temporaryDirectory(), { login: browser });
    const login = manager.login(server.issuer, { client_id }, { parameters: { [name]: 'x' } });
    await expect(login).rejects.toThrow(
      new TypeError(`options.parameters.${name} belongs to the credentials. Pass it there.`),
    );
    expect(server.requests).toEqual([]);
  },
);

it.each([
  [{ prompt: 'login' }, 'login has no option prompt. Use parameters, signal: { parameters: { prompt } }.'],
  [{ parameters: 'prompt=login' }, 'options.parameters must be an object of strings.'],
  [{ parameters: null }, 'options.parameters must be an object of strings.'],
])('refuses the options %j, instead of a login without the prompt', async (options, message) => {
  const { manager } = managerAt(temporaryDirectory(), { login: browser });
  const login = manager.login(server.issuer, { client_id }, options as ManagerLoginOptions);
  await expect(login).rejects.toThrow(new TypeError(message));
  expect(server.requests).toEqual([]);
});

it('keeps two accounts side by side with a profile', async () => {
  const { metadata } = await startScripted({ '/token': inTurn(bearer('work'), bearer('home')) });
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser: agreeingBrowser().openBrowser } });
  await manager.login(metadata, { client_id, profile: 'work' });
  await manager.login(metadata, { client_id, profile: 'home' });
  expect(await manager.getToken(metadata, { client_id, profile: 'work' })).toMatchObject({ access_token: 'work' });
  expect(await manager.getToken(metadata, { client_id, profile: 'home' })).toMatchObject({ access_token: 'home' });
});

it('makes one login for two calls at once, and two for two accounts', async () => {
  const { server, metadata } = await startScripted({ '/token': (_request, index) => bearer(`token-${index}`) });
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser: agreeingBrowser().openBrowser } });
  const same = await Promise.all([1, 2, 3].map(() => manager.login(metadata, { client_id })));
  expect(same.every(({ ok }) => ok)).toBe(true);
  expect(server.requestsTo('/token')).toHaveLength(1);
  await Promise.all(['work', 'home'].map((profile) => manager.login(metadata, { client_id, profile })));
  expect(server.requestsTo('/token')).toHaveLength(3);
});

it('asks the user where the option interaction is never, and where each call of get must not', async () => {
  const { metadata } = await startScripted({ '/token': bearer('a') });
  const { manager } = managerAt(temporaryDirectory(), {
    interaction: 'never',
    login: { openBrowser: agreeingBrowser().openBrowser },
  });
  expect(await manager.get(metadata, { client_id })).toMatchObject({ ok: false, error: { code: 'login_required' } });
  expect(await manager.login(metadata, { client_id })).toMatchObject({ ok: true, value: { access_token: 'a' } });
  expect(await manager.get(metadata, { client_id })).toMatchObject({ ok: true });
});

it('says what is missing where there is no user, without a request', async () => {
  const { server, metadata } = await startScripted();
  const { manager } = managerAt(temporaryDirectory());
  const result = await manager.login(metadata, { client_id });
  expect(result).toMatchObject({ ok: false, error: { code: 'login_required' } });
  expect(result.ok || result.error.message).toMatch(/A user must log in at .* terminal/);
  expect(server.requests).toEqual([]);
});

it('keeps the stored token where the login fails', async () => {
  const directory = temporaryDirectory();
  const { metadata } = await startScripted({
    '/token': inTurn(bearer('old'), { status: 503 }),
  });
  const { manager } = managerAt(directory, { login: { openBrowser: agreeingBrowser().openBrowser } });
  await manager.login(metadata, { client_id });
  expect(await manager.login(metadata, { client_id })).toMatchObject({ ok: false, error: { status: 503 } });
  expect(await manager.getToken(metadata, { client_id })).toMatchObject({ access_token: 'old' });
});

it('requests another token for a client with a secret', async () => {
  const { server, metadata } = await startScripted({ '/token': inTurn(bearer('old'), bearer('new')) });
  const credentials = { client_id, client_secret: 's' };
  const { manager } = managerAt(temporaryDirectory());
  await manager.getToken(metadata, credentials);
  expect(await manager.login(metadata, credentials)).toMatchObject({ ok: true, value: { access_token: 'new' } });
  expect(await manager.getToken(metadata, credentials)).toMatchObject({ access_token: 'new' });
  expect(server.requestsTo('/token')).toHaveLength(2);
});

it('logs in while a refresh of another call fails: that failure is not the answer', async () => {
  const directory = temporaryDirectory();
  const answer = Promise.withResolvers<void>();
  const { server, metadata } = await startScripted({
    '/token': async ({ form }) => {
      if (form.get('grant_type') !== 'refresh_token') return bearer('new');
      await answer.promise;
      return { status: 503 };
    },
  });
  const key = tokenKey({ issuer: metadata.issuer, grant_type: 'authorization_code', client_id });
  const old: Token = { ...aged({ access_token: 'old', token_type: 'Bearer' }, -1), refresh_token: 'r' };
  await fileTokenCache({ directory: tokensDirectory(directory) }).set(key, old);
  const refreshing = managerAt(directory, { interaction: 'never' }).manager.get(metadata, { client_id });
  await expect.poll(() => server.requestsTo('/token').length, { timeout: 20_000 }).toBe(1);
  const { manager, events } = managerAt(directory, { login: { openBrowser: agreeingBrowser().openBrowser } });
  const login = manager.login(metadata, { client_id });
  await expect.poll(() => typesOf(events), { timeout: 20_000 }).toContain('waiting');
  answer.resolve();
  expect(await login).toMatchObject({ ok: true, value: { access_token: 'new' } });
  expect(await refreshing).toMatchObject({ ok: false, error: { status: 503 } });
  expect(await manager.getToken(metadata, { client_id })).toMatchObject({ access_token: 'new' });
});

it('ends the login after an abort, with the reason of the signal', async () => {
  const { metadata } = await startScripted();
  const opened = Promise.withResolvers<string>();
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser: opened.resolve } });
  const controller = new AbortController();
  const login = manager.login(metadata, { client_id }, { signal: controller.signal });
  await opened.promise;
  const reason = new Error('no more');
  controller.abort(reason);
  await expect(login).rejects.toBe(reason);
  expect(reason).not.toBeInstanceOf(OAuthError);
});

it('does not ask the user while the server asks its clients to wait', async () => {
  const { metadata } = await startScripted({ '/token': { status: 429, headers: { 'retry-after': '3600' } } });
  const browser = agreeingBrowser();
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser: browser.openBrowser } });
  expect(await manager.login(metadata, { client_id })).toMatchObject({ ok: false, error: { status: 429 } });
  expect(await manager.login(metadata, { client_id })).toMatchObject({ ok: false, error: { status: 429 } });
  expect(browser.urls).toHaveLength(1);
});
