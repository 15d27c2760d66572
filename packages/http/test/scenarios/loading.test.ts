import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { observeLoading, type Loading } from '@oa-internal/testing';
import { expect, it } from 'vitest';

const here = fileURLToPath(new URL('.', import.meta.url));

it('loads no library, no node: module and no fetch with the import, and ky with the first request', async () => {
  const program = `
    const { request } = await import('@oa/http');
    const before = loading();
    await request('GET', 'http://127.0.0.1:1/', { fetch: async () => new Response('{}') });
    console.log(JSON.stringify({ before, after: loading() }));
  `;
  const { before, after } = await observeLoading<Record<'before' | 'after', Loading>>(program, here);
  expect(before).toMatchObject({ packages: [], requested: [], globals: [] });
  expect(before.urls.filter((url) => url.startsWith('node:'))).toEqual([]);
  expect(after.packages).toEqual(['ky']);
});

it('loads with preloadTransport what the first request needs', async () => {
  const program = `
    const { preloadTransport, request } = await import('@oa/http');
    await preloadTransport();
    const before = loading();
    await request('GET', 'http://127.0.0.1:1/', { fetch: async () => new Response('{}') });
    console.log(JSON.stringify({ before, after: loading() }));
  `;
  const { before, after } = await observeLoading<Record<'before' | 'after', Loading>>(program, here);
  expect(before.packages).toEqual(['ky']);
  expect(after.urls).toEqual(before.urls);
});

it('loads nothing for errors with a success, and the texts for an answer only after one', async () => {
  const program = `
    const { getJson } = await import('@oa/http');
    const schema = { '~standard': { validate: (value) => ({ value }) } };
    const send = (status) => getJson('http://127.0.0.1:1/', schema, { fetch: async () => new Response('{}', { status }) });
    await send(200);
    const before = loading();
    await send(400).catch(() => {});
    console.log(JSON.stringify({ before, after: loading() }));
  `;
  const { before, after } = await observeLoading<Record<'before' | 'after', Loading>>(program, here);
  const forErrors = (urls: readonly string[]): string[] =>
    urls.flatMap((url) => /(answer-error|failure|redact|certificate|proxy)\.ts$/.exec(url)?.[1] ?? []);
  expect(forErrors(before.urls)).toEqual([]);
  expect(forErrors(after.urls).toSorted()).toEqual(['answer-error', 'redact']);
});

it('imports ky in one file, and no node: module in any', async () => {
  const folder = new URL('../../src/', import.meta.url);
  const names = await readdir(folder);
  const sources = await Promise.all(
    names.map(async (name) => [name, await readFile(new URL(name, folder), 'utf8')] as const),
  );
  expect(sources.filter(([, text]) => /['"]ky['"]/.test(text)).map(([name]) => name)).toEqual(['ky.ts']);
  expect(sources.filter(([, text]) => /['"]node:/.test(text))).toEqual([]);
});
