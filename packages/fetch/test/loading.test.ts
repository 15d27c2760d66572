import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

test('importing the package and making a fetch loads neither ky nor valibot nor fetch nor a node: module; nor does a request load the first two', async () => {
  const program = `
    const touched = [];
    for (const name of ['fetch', 'Request', 'Headers', 'Response']) {
      const { get, value } = Object.getOwnPropertyDescriptor(globalThis, name);
      Object.defineProperty(globalThis, name, { configurable: true, get() { touched.push(name); return value ?? get.call(globalThis); } });
    }
    const { registerHooks } = await import('node:module');
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    const { createFetch } = await import('@oa/fetch');
    const fetch = createFetch(async () => ({ access_token: 'x', token_type: 'Bearer' }));
    const before = { touched: [...touched], foreign: loaded.filter((url) => url.includes('node_modules/') || url.startsWith('node:')) };
    await fetch('http://127.0.0.1:1/').catch((error) => { if (!(error instanceof TypeError)) throw error; });
    const after = { ky: loaded.some((url) => url.includes('/ky/')), valibot: loaded.some((url) => url.includes('/valibot/')) };
    console.log(JSON.stringify({ before, after }));
  `;
  const { stdout } = await run(process.execPath, ['--conditions=@oa/source', '--input-type=module', '-e', program], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  });
  expect(JSON.parse(stdout)).toEqual({ before: { touched: [], foreign: [] }, after: { ky: false, valibot: false } });
});
