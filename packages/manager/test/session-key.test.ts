import { tokenKey } from '@oa/token-cache';
import type { Token } from '@oa/types';
import { expect, it } from 'vitest';
import { aged, agreeingBrowser, bearer, managerAt, startScripted, temporaryDirectory } from './setup.ts';

const client_id = 'p';
const parameters = { login_hint: 'alice@example.com' };

/** A token that an earlier version stored: its key has the login hint. */
function formerCache(issuer: string, left: number): Map<string, Token> {
  const key = tokenKey({ issuer, grant_type: 'authorization_code', client_id, parameters });
  return new Map([[key, aged({ access_token: 'old', token_type: 'Bearer' }, left)]]);
}

it('uses a token of an earlier version, and stores the next login for calls without the login parameters too', async () => {
  const { metadata } = await startScripted({ '/token': bearer('new') });
  const browser = agreeingBrowser();
  const login = { openBrowser: browser.openBrowser };
  const used = managerAt(temporaryDirectory(), { cache: formerCache(metadata.issuer, 3000), login }).manager;
  expect(await used.getToken(metadata, { client_id, parameters })).toMatchObject({ access_token: 'old' });
  const expired = managerAt(temporaryDirectory(), { cache: formerCache(metadata.issuer, -1), login }).manager;
  expect(await expired.getToken(metadata, { client_id, parameters })).toMatchObject({ access_token: 'new' });
  expect(await expired.getToken(metadata, { client_id })).toMatchObject({ access_token: 'new' });
  expect(browser.urls).toHaveLength(1);
});

it('logs out of the token of an earlier version too, after another login', async () => {
  const { metadata } = await startScripted({ '/token': bearer('new') });
  const cache = formerCache(metadata.issuer, 3000);
  const { manager } = managerAt(temporaryDirectory(), { cache, login: { openBrowser: agreeingBrowser().openBrowser } });
  await manager.login(metadata, { client_id, parameters });
  expect(await manager.logout(metadata, { client_id, parameters })).toEqual({ ok: true, value: true });
  expect(cache.size).toBe(0);
});
