import { execFileSync } from 'node:child_process';
import { fileTokenCache, tokenKey } from '@oa/token-cache';
import { expect, it } from 'vitest';
import { managerAt, temporaryDirectory, tokensDirectory } from '../setup.ts';

const program = `
  import { registerHooks } from 'node:module';
  const urls = [];
  registerHooks({ load(url, context, next) { urls.push(url); return next(url, context); } });
  const { createManager } = await import('@oa/manager');
  const manager = createManager({ app: 'test', interaction: 'never' });
  const result = await manager.get('https://as.example', { client_id: 'c', client_secret: 's' });
  const builtins = process.moduleLoadList.map((name) => name.replace('NativeModule ', ''));
  console.log(JSON.stringify({ ok: result.ok, urls, builtins }));
`;

it('hands out a fresh token in a new process without ky, undici, http, open, valibot, sqlite or the lock', async () => {
  const directory = temporaryDirectory();
  managerAt(directory);
  const key = tokenKey({ issuer: 'https://as.example', grant_type: 'client_credentials', client_id: 'c' });
  const expires_at = Math.floor(Date.now() / 1000) + 3600;
  await fileTokenCache({ directory: tokensDirectory(directory) }).set(key, {
    access_token: 'a',
    token_type: 'Bearer',
    expires_in: 3600,
    expires_at,
  });
  const args = ['--conditions=@oa/source', '--input-type=module', '-e', program];
  const output = execFileSync(process.execPath, args, { cwd: import.meta.dirname, encoding: 'utf8' });
  const { ok, urls, builtins } = JSON.parse(output) as { ok: boolean; urls: string[]; builtins: string[] };
  expect(ok).toBe(true);
  expect(urls.filter((url) => /node_modules|lock|sqlite|write|renew|discovery|\/http\//.test(url))).toEqual([]);
  const heavy = new Set(['internal/deps/undici/undici', 'http', 'https', 'net', 'child_process', 'sqlite']);
  expect(builtins.filter((name) => heavy.has(name))).toEqual([]);
});
