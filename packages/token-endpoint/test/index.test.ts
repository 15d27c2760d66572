import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isBuilt, observeLoading, type Loading } from '@oa-internal/testing';
import { expect, it } from 'vitest';

it('loads only packages of the family, and neither fetch nor a node: module', async () => {
  const { urls, globals } = await observeLoading<Loading>(
    "await import('@oa/token-endpoint'); console.log(JSON.stringify(loading()));",
    fileURLToPath(new URL('.', import.meta.url)),
  );
  const entry = `/token-endpoint/${isBuilt ? 'dist/index.js' : 'src/index.ts'}`;
  expect(urls.some((url) => url.endsWith(entry))).toBe(true);
  expect({ globals, foreign: urls.filter((url) => /node_modules|^node:/.test(url)) }).toEqual({
    globals: [],
    foreign: [],
  });
});

it('names no node: module in its sources', async () => {
  const folder = new URL('../src/', import.meta.url);
  const texts = await Promise.all((await readdir(folder)).map((name) => readFile(new URL(name, folder), 'utf8')));
  expect(texts.filter((text) => /['"]node:/.test(text))).toEqual([]);
});
