import { expect, it } from 'vitest';
import { fileTokenCache, tokenKey } from '@oa/token-cache';
import type { Token } from '@oa/types';
import {
  aged,
  agreeingBrowser,
  bearer,
  managerAt,
  startScripted,
  temporaryDirectory,
  tokensDirectory,
  typesOf,
} from './setup.ts';

const client_id = 'p';

it('tells the user that another program is logging in, without its URL, and does not inherit its login_timeout', async () => {
  const directory = temporaryDirectory();
  const { server, metadata } = await startScripted({ '/token': bearer('a') });
  const opened = Promise.withResolvers<string>();
  const first = managerAt(directory, { login: { openBrowser: opened.resolve, timeout: 3000 } });
  const holder = first.manager.get(metadata, { client_id });
  const startUrl = await opened.promise;
  const printed: string[] = [];
  const { openBrowser, urls } = agreeingBrowser();
  const second = managerAt(directory, { login: { openBrowser, print: (text) => printed.push(text) } });
  const waiter = second.manager.get(metadata, { client_id });
  await expect.poll(() => printed, { timeout: 20_000 }).toHaveLength(1);
  const { host } = new URL(metadata.issuer);
  expect(printed[0]).toContain(`Another program of yours is logging in at ${host}.`);
  expect(printed[0]).not.toContain('://');
  expect(typesOf(second.events)).toEqual(['waiting', 'login_elsewhere']);
  expect(await holder).toMatchObject({ ok: false, error: { code: 'login_timeout' } });
  expect(await waiter).toMatchObject({ ok: true, value: { access_token: 'a' } });
  expect(urls).toHaveLength(1);
  expect(printed.join('')).not.toContain(new URL(startUrl).port);
  expect(server.requestsTo('/token')).toHaveLength(1);
});

it('takes the token of the login elsewhere, and opens no browser of its own', async () => {
  const directory = temporaryDirectory();
  const { server, metadata } = await startScripted({ '/token': bearer('a') });
  const opened = Promise.withResolvers<string>();
  const holder = managerAt(directory, { login: { openBrowser: opened.resolve } }).manager.get(metadata, { client_id });
  const startUrl = await opened.promise;
  const { openBrowser, urls } = agreeingBrowser();
  const { manager, events } = managerAt(directory, { login: { openBrowser } });
  const waiter = manager.get(metadata, { client_id });
  await expect.poll(() => typesOf(events), { timeout: 20_000 }).toContain('login_elsewhere');
  await agreeingBrowser().openBrowser(startUrl);
  expect(await waiter).toEqual(await holder);
  expect(urls).toEqual([]);
  expect(server.requestsTo('/token')).toHaveLength(1);
});

it('says nothing to a job that waits for the token of another one', async () => {
  const directory = temporaryDirectory();
  const answer = Promise.withResolvers<void>();
  const { server, metadata } = await startScripted({
    '/token': async () => {
      await answer.promise;
      return bearer('a');
    },
  });
  const job = { client_id, client_secret: 's' };
  const holder = managerAt(directory).manager.get(metadata, job);
  await expect.poll(() => server.requestsTo('/token').length, { timeout: 20_000 }).toBe(1);
  const printed: string[] = [];
  const { manager, events } = managerAt(directory, { login: { print: (text) => printed.push(text) } });
  const waiter = manager.get(metadata, job);
  await expect.poll(() => typesOf(events), { timeout: 20_000 }).toContain('waiting');
  answer.resolve();
  expect(await waiter).toEqual(await holder);
  expect(printed).toEqual([]);
  expect(typesOf(events)).not.toContain('login_elsewhere');
});

/** An expired token of the user, in a file. */
async function storeExpired(directory: string, issuer: string, more: Partial<Token>): Promise<void> {
  const key = tokenKey({ issuer, grant_type: 'authorization_code', client_id });
  const token = { ...aged({ access_token: 'old', token_type: 'Bearer' }, -1), ...more };
  await fileTokenCache({ directory: tokensDirectory(directory) }).set(key, token);
}

it('tells the user of the other login where the stored token can not be refreshed either', async () => {
  const directory = temporaryDirectory();
  const { metadata } = await startScripted({ '/token': bearer('a') });
  await storeExpired(directory, metadata.issuer, {});
  const opened = Promise.withResolvers<string>();
  const holder = managerAt(directory, { login: { openBrowser: opened.resolve } }).manager.get(metadata, { client_id });
  const startUrl = await opened.promise;
  const { manager, events } = managerAt(directory, { login: { openBrowser: agreeingBrowser().openBrowser } });
  const waiter = manager.get(metadata, { client_id });
  await expect.poll(() => typesOf(events), { timeout: 20_000 }).toContain('login_elsewhere');
  await agreeingBrowser().openBrowser(startUrl);
  expect(await waiter).toEqual(await holder);
});

it('does not let a call that may ask no user wait for the login of another program', async () => {
  const directory = temporaryDirectory();
  const refusal = Promise.withResolvers<void>();
  const { server, metadata } = await startScripted({
    '/token': async ({ form }) => {
      if (form.get('grant_type') !== 'refresh_token') return bearer('a');
      await refusal.promise;
      return { status: 400, json: { error: 'invalid_grant' } };
    },
  });
  await storeExpired(directory, metadata.issuer, { refresh_token: 'r' });
  const opened = Promise.withResolvers<string>();
  const holder = managerAt(directory, { login: { openBrowser: opened.resolve } }).manager.get(metadata, { client_id });
  await expect.poll(() => server.requestsTo('/token').length, { timeout: 20_000 }).toBe(1);
  const { manager, events } = managerAt(directory, { interaction: 'never' });
  const waiter = manager.get(metadata, { client_id });
  await expect.poll(() => typesOf(events), { timeout: 20_000 }).toContain('waiting');
  refusal.resolve();
  const startUrl = await opened.promise;
  expect(await waiter).toMatchObject({ ok: false, error: { code: 'login_required' } });
  expect(typesOf(events)).not.toContain('login_elsewhere');
  await agreeingBrowser().openBrowser(startUrl);
  expect(await holder).toMatchObject({ ok: true });
});

it.each(['login', 'logout'] as const)(
  'tells the user of a %s that waits for the login of another program, although a token is stored',
  async (name) => {
    const directory = temporaryDirectory();
    const { metadata } = await startScripted({ '/token': bearer('a') });
    const first = managerAt(directory, { login: { openBrowser: agreeingBrowser().openBrowser } });
    await first.manager.login(metadata, { client_id });
    const opened = Promise.withResolvers<string>();
    const other = managerAt(directory, { login: { openBrowser: opened.resolve } });
    const holder = other.manager.login(metadata, { client_id });
    const startUrl = await opened.promise;
    const printed: string[] = [];
    const { manager } = managerAt(directory, {
      login: { openBrowser: agreeingBrowser().openBrowser, print: (text) => printed.push(text) },
    });
    const waiter = manager[name](metadata, { client_id });
    await expect.poll(() => printed.join(''), { timeout: 20_000 }).toContain('Another program of yours is logging in');
    await agreeingBrowser().openBrowser(startUrl);
    expect(await holder).toMatchObject({ ok: true });
    expect(await waiter).toMatchObject({ ok: true });
  },
);

it('tells of the other login while it lasts, also with a Map, and ends the wait after an abort', async () => {
  const { metadata } = await startScripted({ '/token': bearer('a') });
  const opened = Promise.withResolvers<string>();
  const printed: string[] = [];
  const { manager } = managerAt(temporaryDirectory(), {
    cache: new Map(),
    login: { openBrowser: opened.resolve, print: (text) => printed.push(text) },
  });
  const holder = manager.login(metadata, { client_id });
  const startUrl = await opened.promise;
  const controller = new AbortController();
  const logout = manager.logout(metadata, { client_id }, { signal: controller.signal });
  await expect.poll(() => printed.join(''), { timeout: 20_000 }).toContain('Another program of yours is logging in');
  const reason = new Error('no more');
  controller.abort(reason);
  await expect(logout).rejects.toBe(reason);
  await agreeingBrowser().openBrowser(startUrl);
  expect(await holder).toMatchObject({ ok: true });
});
