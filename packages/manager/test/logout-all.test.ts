import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileTokenCache, tokenKey } from '@oa/token-cache';
import { expect, it } from 'vitest';
import type { LogoutOptions } from '@oa/manager';
import { agreeingBrowser, bearer, managerAt, startScripted, temporaryDirectory, tokensDirectory } from './setup.ts';

const refreshable = bearer('a', { refresh_token: 'r' });

it('ends every session, of several clients and profiles, and counts them', async () => {
  const { server, metadata } = await startScripted(({ path }) => {
    if (path.startsWith('/.well-known/'))
      return { json: { ...origin(), revocation_endpoint: `${origin().issuer}/revoke` } };
    return path === '/revoke' ? {} : refreshable;
  });
  function origin(): typeof metadata {
    return metadata;
  }
  const directory = temporaryDirectory();
  const { manager } = managerAt(directory, { login: { openBrowser: agreeingBrowser().openBrowser } });
  for (const credentials of [
    { client_id: 'tool', profile: 'work' },
    { client_id: 'tool', profile: 'home', scope: 'read' },
    { client_id: 'other', parameters: { tenant: 't' } },
  ])
    await manager.login(metadata.issuer, credentials);
  expect(await manager.logoutAll()).toEqual({ ok: true, value: 3 });
  const revoked = server.requestsTo('/revoke').map(({ form }) => form);
  expect(
    revoked
      .filter((body) => body.get('token') === 'r')
      .map((body) => body.get('client_id'))
      .toSorted((a, b) => String(a).localeCompare(String(b))),
  ).toEqual(['other', 'tool', 'tool']);
  expect(await manager.sessions()).toEqual({ ok: true, value: [] });
  expect(readdirSync(tokensDirectory(directory)).filter((name) => name.endsWith('.json'))).toEqual([]);
  expect(await manager.logoutAll()).toEqual({ ok: true, value: 0 });
});

it('ends the session of a grant that only a newer version knows', async () => {
  const { metadata } = await startScripted(() => ({ status: 404 }));
  const directory = temporaryDirectory();
  const key = tokenKey({ issuer: metadata.issuer, grant_type: 'urn:example:newer' });
  await fileTokenCache({ directory: tokensDirectory(directory) }).set(key, { access_token: 'a', token_type: 'Bearer' });
  const { manager } = managerAt(directory);
  expect(await manager.logoutAll()).toEqual({ ok: true, value: 1 });
  expect(await manager.sessions()).toEqual({ ok: true, value: [] });
});

it('refuses an option that it would ignore, and ends no session', async () => {
  const { metadata } = await startScripted(() => refreshable);
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser: agreeingBrowser().openBrowser } });
  const credentials = { client_id: 'tool' };
  await manager.login(metadata, credentials);
  const options = { issuer: metadata.issuer, profile: 'work' } as LogoutOptions;
  await expect(manager.logoutAll(options)).rejects.toThrow(
    new TypeError('logoutAll has no option issuer. Use signal.'),
  );
  await expect(manager.logout(metadata, credentials, options)).rejects.toThrow(
    new TypeError('logout has no option issuer. Use signal.'),
  );
  expect(await manager.sessions()).toMatchObject({ ok: true, value: [{ client_id: 'tool' }] });
});

it('goes on where one server fails, and says how many did', async () => {
  const failing = await startScripted({
    '/.well-known/oauth-authorization-server': () => ({
      json: { ...failing.metadata, revocation_endpoint: `${failing.metadata.issuer}/revoke` },
    }),
    '/token': refreshable,
    '/revoke': { status: 503 },
  });
  const working = await startScripted({ '/token': refreshable });
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser: agreeingBrowser().openBrowser } });
  await manager.login(failing.metadata.issuer, { client_id: 'p' });
  await manager.login(working.metadata, { client_id: 'p' });
  const result = await manager.logoutAll();
  expect(result).toMatchObject({ ok: false, error: { code: 'http_error', status: 503, retryable: false } });
  expect(result.ok || result.error.message).toMatch(
    /^1 of 2 sessions .*The stored token is deleted, so this program is logged out\. It is not revoked at the server\./,
  );
  expect(await manager.sessions()).toEqual({ ok: true, value: [] });
});

it('ends the others where one token can not be read, and says so', async () => {
  const directory = temporaryDirectory();
  const { metadata } = await startScripted({ '/token': bearer('a') });
  const { manager } = managerAt(directory, { login: { openBrowser: agreeingBrowser().openBrowser } });
  for (const profile of ['a', 'b', 'c']) await manager.login(metadata, { client_id: 'p', profile });
  const tokens = (): string[] => readdirSync(tokensDirectory(directory)).filter((name) => name.endsWith('.json'));
  const [first = ''] = tokens();
  chmodSync(join(tokensDirectory(directory), first), 0o644);
  const result = await managerAt(directory).manager.logoutAll();
  expect(result).toMatchObject({ ok: false, error: { code: 'insecure_token_cache_permissions' } });
  expect(tokens()).toEqual([first]);
});

it('deletes a token whose issuer is no URL: the program has passed the metadata of its server itself', async () => {
  const { metadata } = await startScripted({ '/token': bearer('a') });
  const { manager } = managerAt(temporaryDirectory());
  await manager.getToken({ ...metadata, issuer: 'my server' }, { client_id: 'c', client_secret: 's' });
  const result = await manager.logoutAll();
  expect(result.ok || result.error.message).toContain('The issuer my server is no URL');
  expect(await manager.sessions()).toEqual({ ok: true, value: [] });
});

it('ends after an abort, with the reason of the signal', async () => {
  const { metadata } = await startScripted({ '/token': bearer('a') });
  const { manager } = managerAt(temporaryDirectory());
  await manager.getToken(metadata, { client_id: 'c', client_secret: 's' });
  const reason = new Error('no more');
  await expect(manager.logoutAll({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  const { manager: empty } = managerAt(temporaryDirectory());
  await expect(empty.logoutAll({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

it('ends all other sessions while some servers do not answer', async () => {
  const hanging = await startScripted({
    '/.well-known/oauth-authorization-server': () => ({
      json: { ...hanging.metadata, revocation_endpoint: `${hanging.metadata.issuer}/revoke` },
    }),
    '/token': refreshable,
    '/revoke': { drop: 'never' },
  });
  const directory = temporaryDirectory();
  const { manager } = managerAt(directory, { login: { openBrowser: agreeingBrowser().openBrowser } });
  const { issuer } = hanging.metadata;
  for (let count = 0; count < 5; count += 1) await manager.login(issuer, { client_id: 'p', profile: `hangs-${count}` });
  const { metadata } = await startScripted({ '/token': refreshable });
  for (let count = 0; count < 15; count += 1) await manager.login(metadata, { client_id: 'p', profile: `${count}` });
  const controller = new AbortController();
  const result = manager.logoutAll({ signal: controller.signal });
  await expect
    .poll(() => managerAt(directory).manager.sessions(), { timeout: 20_000 })
    .toEqual({ ok: true, value: [] });
  controller.abort(new Error('no more'));
  await expect(result).rejects.toThrow('no more');
});
