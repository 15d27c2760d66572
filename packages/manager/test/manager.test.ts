import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createManager } from '@oa/manager';
import type { TokenSourceOptions } from '@oa/types';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { expect, it, onTestFinished } from 'vitest';
import { loggedIn, server, user } from './real-server.ts';
import {
  aged,
  agreeingBrowser,
  bearer,
  changeStored,
  managerAt,
  startScripted,
  storedTokens,
  temporaryDirectory,
  tokensDirectory,
} from './setup.ts';

it('stores the token exactly as received, plus expires_at, in a private file', async () => {
  const directory = temporaryDirectory();
  const token = await managerAt(directory).manager.getToken(server.issuer, server.confidential);
  expect(storedTokens(directory)[0]).toEqual(token);
  expect(token.expires_at).toBeGreaterThan(Date.now() / 1000 + 3500);
  const name = readdirSync(tokensDirectory(directory)).find((one) => one.endsWith('.json')) ?? '';
  expect(statSync(join(tokensDirectory(directory), name)).mode & 0o777).toBe(0o600);
});

it('ends the wait of the caller that aborts, with its own reason; other callers get their token', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  await changeStored(directory, (token) => aged(token, 1));
  const scripted = await startScriptedServer(() => ({
    delay: 200,
    json: { access_token: 'late', token_type: 'Bearer', expires_in: 3600 },
  }));
  onTestFinished(() => scripted.close());
  const { manager } = managerAt(directory);
  const target = { issuer: server.issuer, token_endpoint: `${scripted.origin}/token` };
  const controller = new AbortController();
  const reason = new Error('the caller went away');
  const aborted = manager.get(target, user(), { signal: controller.signal });
  const other = manager.getToken(target, user());
  await expect.poll(() => scripted.requests.length, { timeout: 20_000 }).toBe(1);
  controller.abort(reason);
  await expect(aborted).rejects.toBe(reason);
  expect((await other).access_token).toBe('late');
  await expect(manager.get(target, user(), { signal: controller.signal })).rejects.toBe(reason);
});

it('takes a plain Map as cache: one request for many calls', async () => {
  const manager = createManager({ cache: new Map(), interaction: 'never' });
  await Promise.all(Array.from({ length: 20 }, () => manager.getToken(server.issuer, server.confidential)));
  await manager.getToken(server.issuer, server.confidential);
  expect(server.count('/token')).toBe(1);
});

it('ends a call whose signal aborts while the store is read', async () => {
  const { server, metadata } = await startScripted({ '/token': { drop: 'never' } });
  const controller = new AbortController();
  const reason = new Error('no more');
  const cache = {
    get: async () => {
      controller.abort(reason);
      return undefined;
    },
    set: () => undefined,
    delete: () => undefined,
  };
  const { manager } = managerAt(temporaryDirectory(), { cache });
  const credentials = { client_id: 'c', client_secret: 's' };
  await expect(manager.get(metadata, credentials, { signal: controller.signal })).rejects.toBe(reason);
  expect(server.requestsTo('/token')).toEqual([]);
});

it('refuses another interaction of one call than never: a misspelt one would ask the user', async () => {
  const manager = createManager({ cache: new Map(), interaction: 'always' });
  const options = { interaction: 'nevr' } as unknown as TokenSourceOptions;
  await expect(manager.get('https://as.example', { client_id: 'p' }, options)).rejects.toThrow(
    new TypeError("options.interaction of a call must be 'never', or absent."),
  );
});

it('asks no user in a source with interaction never, and asks in the next call without', async () => {
  const { server, metadata } = await startScripted({ '/token': bearer('a') });
  const { openBrowser, urls } = agreeingBrowser();
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser } });
  const source = manager.source(metadata, { client_id: 'p' }, { interaction: 'never' });
  await expect(source()).rejects.toMatchObject({ code: 'login_required' });
  await expect(source({ scope: 'more' })).rejects.toMatchObject({ code: 'login_required' });
  expect(urls).toEqual([]);
  await manager.source(metadata, { client_id: 'p' })();
  expect(await source()).toMatchObject({ access_token: 'a' });
  expect(server.requestsTo('/token')).toHaveLength(1);
});
