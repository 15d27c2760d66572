import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

it('importing the package loads no other package but its own family, and no fetch', async () => {
  const program = `
    const touched = [];
    for (const name of ['fetch', 'Request', 'Headers', 'Response'])
      Object.defineProperty(globalThis, name, { configurable: true, get() { touched.push(name); } });
    const { registerHooks } = await import('node:module');
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    await import('@oa/token-endpoint');
    console.log(JSON.stringify({ touched, foreign: loaded.filter((url) => /node_modules|^node:/.test(url)) }));
  `;
  const flags = ['--conditions=@oa/source', '--input-type=module', '-e', program];
  const { stdout } = await run(process.execPath, flags, { cwd: fileURLToPath(new URL('.', import.meta.url)) });
  expect(JSON.parse(stdout)).toEqual({ touched: [], foreign: [] });
});

it('no source names a node: module', async () => {
  const folder = new URL('../src/', import.meta.url);
  const texts = await Promise.all((await readdir(folder)).map((name) => readFile(new URL(name, folder), 'utf8')));
  expect(texts.filter((text) => /['"]node:/.test(text))).toEqual([]);
});
