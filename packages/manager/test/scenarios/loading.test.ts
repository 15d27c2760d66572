import { fileTokenCache, tokenKey } from '@oa/token-cache';
import { observeLoading, type Loading } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { aged, bearer, managerAt, startScripted, temporaryDirectory, tokensDirectory } from '../setup.ts';

const program = `
  const { createManager } = await import('@oa/manager');
  const manager = createManager({ app: 'test', interaction: 'never' });
  const result = await manager.get('https://as.example', { client_id: 'c', client_secret: 's' });
  console.log(JSON.stringify({ ok: result.ok, ...loading() }));
`;

it('hands out a fresh token in a new process without ky, undici, http, open, valibot, sqlite or the lock', async () => {
  const directory = temporaryDirectory();
  managerAt(directory);
  const key = tokenKey({ issuer: 'https://as.example', grant_type: 'client_credentials', client_id: 'c' });
  const token = aged({ access_token: 'a', token_type: 'Bearer' }, 3600);
  await fileTokenCache({ directory: tokensDirectory(directory) }).set(key, token);
  const loaded = await observeLoading<Loading & { ok: boolean }>(
    program,
    import.meta.dirname,
    {},
    { watchGlobals: false },
  );
  expect(loaded.ok).toBe(true);
  expect(loaded.packages).toEqual([]);
  const unneeded =
    /\/(lock|sqlite|write|renewal|obtain|refresh|client)\.ts$|\/(discovery|http|loopback|registration)\//;
  expect(loaded.urls.filter((url) => unneeded.test(url))).toEqual([]);
  const heavy = new Set(['internal/deps/undici/undici', 'http', 'https', 'net', 'child_process', 'sqlite']);
  expect(loaded.builtins.filter((name) => heavy.has(name))).toEqual([]);
});

/** What a cold grant loads of Node.js beyond what `fetch` loads: for its files, its lock, and the types of the sources. */
const BUILTINS_OF_A_GRANT = new Set([
  'internal/deps/amaro/dist/index',
  'fs/promises',
  'internal/fs/streams',
  'internal/streams/fast-utf8-stream',
  'sqlite',
  'Internal Binding sqlite',
  'internal/crypto/webcrypto',
  'internal/crypto/webidl',
]);

it('gets its first token with two requests, and without child_process, open, a login, a registration or another built-in module', async () => {
  const { server, metadata } = await startScripted({
    '/.well-known/oauth-authorization-server': () => ({ json: metadata }),
    '/token': bearer('a'),
  });
  managerAt(temporaryDirectory());
  const unwatched = { watchGlobals: false };
  const cold = program.replace('https://as.example', server.origin);
  const loaded = await observeLoading<Loading & { ok: boolean }>(cold, import.meta.dirname, {}, unwatched);
  expect(loaded.ok).toBe(true);
  expect(server.requests.map(({ path }) => path)).toEqual(['/.well-known/oauth-authorization-server', '/token']);
  expect(loaded.packages.toSorted()).toEqual(['ky', 'valibot']);
  const unneeded = /\/packages\/(loopback|device-code|registration|identity|pkce|fetch)\//;
  expect(loaded.urls.filter((url) => unneeded.test(url))).toEqual([]);
  const bare = `await (await fetch('${server.origin}/token', { method: 'POST', body: 'a=b' })).json(); console.log(JSON.stringify(loading()));`;
  const floor = new Set((await observeLoading<Loading>(bare, import.meta.dirname, {}, unwatched)).builtins);
  const more = loaded.builtins.filter((name) => !floor.has(name) && !BUILTINS_OF_A_GRANT.has(name));
  expect(more).toEqual([]);
});

it('imports nothing for the next grant', async () => {
  const { metadata } = await startScripted({ '/token': bearer('a') });
  managerAt(temporaryDirectory());
  const grants = `
    const { createManager } = await import('@oa/manager');
    const manager = createManager({ app: 'test', interaction: 'never' });
    const grant = (scope) => manager.getToken(${JSON.stringify(metadata)}, { client_id: 'c', client_secret: 's', scope });
    await grant('a');
    const before = loading().imports.length;
    await grant('b');
    console.log(JSON.stringify(loading().imports.slice(before)));
  `;
  expect(await observeLoading<string[]>(grants, import.meta.dirname, {}, { watchGlobals: false })).toEqual([]);
});
