import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

const run = promisify(execFile);

it('importing the package loads neither ky nor valibot nor fetch; the first request does', async () => {
  const program = `
    const touched = [];
    for (const name of ['fetch', 'Request', 'Headers', 'Response']) {
      const { get, value } = Object.getOwnPropertyDescriptor(globalThis, name);
      Object.defineProperty(globalThis, name, { configurable: true, get() { touched.push(name); return value ?? get.call(globalThis); } });
    }
    const { registerHooks } = await import('node:module');
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    const { request } = await import('@oa/http');
    const before = { touched: [...touched], packages: loaded.filter((url) => url.includes('node_modules/')), builtins: loaded.filter((url) => url.startsWith('node:')) };
    await request('GET', 'http://127.0.0.1:1/', { fetch: async () => new Response('{}') });
    console.log(JSON.stringify({ before, ky: loaded.some((url) => url.includes('/ky/')), valibot: loaded.some((url) => url.includes('/valibot/')) }));
  `;
  const { stdout } = await run(process.execPath, ['--conditions=@oa/source', '--input-type=module', '-e', program], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  });
  expect(JSON.parse(stdout)).toEqual({
    before: { touched: [], packages: [], builtins: [] },
    ky: true,
    valibot: false,
  });
});

it('one file names ky, and none names a node: module', async () => {
  const folder = new URL('../src/', import.meta.url);
  const names = await readdir(folder);
  const sources = await Promise.all(
    names.map(async (name) => [name, await readFile(new URL(name, folder), 'utf8')] as const),
  );
  expect(sources.filter(([, text]) => /['"]ky['"]/.test(text)).map(([name]) => name)).toEqual(['ky.ts']);
  expect(sources.filter(([, text]) => /['"]node:/.test(text))).toEqual([]);
});
