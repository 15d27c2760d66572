import { fileTokenCache, tokenKey } from '@oa/token-cache';
import { observeLoading, type Loading } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { aged, managerAt, temporaryDirectory, tokensDirectory } from '../setup.ts';

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
