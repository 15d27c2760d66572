import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

test('importing the package, and metadata from a cache, loads neither ky nor valibot nor fetch nor a node: module; a request does', async () => {
  const program = `
    const touched = [];
    for (const name of ['fetch', 'Request', 'Headers', 'Response']) {
      const { get, value } = Object.getOwnPropertyDescriptor(globalThis, name);
      Object.defineProperty(globalThis, name, { configurable: true, get() { touched.push(name); return value ?? get.call(globalThis); } });
    }
    const { registerHooks } = await import('node:module');
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    const { discover } = await import('@oa/discovery');
    const issuer = 'https://as.example';
    const server = { issuer, token_endpoint: issuer + '/token' };
    await discover(issuer, { cache: new Map([[issuer, { server, expires_at: Date.now() / 1000 + 60 }]]) });
    const before = { touched: [...touched], foreign: loaded.filter((url) => url.includes('node_modules/') || url.startsWith('node:')) };
    await discover('http://127.0.0.1:1', { fetch: async () => Response.json({ issuer: 'http://127.0.0.1:1', token_endpoint: 'http://127.0.0.1:1/token' }) });
    const after = { ky: loaded.some((url) => url.includes('/ky/')), valibot: loaded.some((url) => url.includes('/valibot/')) };
    console.log(JSON.stringify({ before, after }));
  `;
  const { stdout } = await run(process.execPath, ['--conditions=@oa/source', '--input-type=module', '-e', program], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  });
  expect(JSON.parse(stdout)).toEqual({ before: { touched: [], foreign: [] }, after: { ky: true, valibot: true } });
});
