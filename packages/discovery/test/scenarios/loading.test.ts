import { fileURLToPath } from 'node:url';
import { observeLoading, type Loading } from '@oa-internal/testing';
import { expect, it } from 'vitest';

const here = fileURLToPath(new URL('.', import.meta.url));

it('loads no library, no node: module and no fetch for metadata from a cache; a request loads ky and valibot', async () => {
  const program = `
    const { discover } = await import('@oa/discovery');
    const issuer = 'https://as.example';
    const server = { issuer, token_endpoint: issuer + '/token' };
    await discover(issuer, { cache: new Map([[issuer, { server, expires_at: Date.now() / 1000 + 60 }]]) });
    const before = loading();
    const local = 'http://127.0.0.1:1';
    await discover(local, { fetch: async () => Response.json({ issuer: local, token_endpoint: local + '/token' }) });
    console.log(JSON.stringify({ before, after: loading() }));
  `;
  const { before, after } = await observeLoading<Record<'before' | 'after', Loading>>(program, here);
  expect(before).toMatchObject({ packages: [], requested: [], globals: [] });
  expect(before.urls.filter((url) => url.startsWith('node:'))).toEqual([]);
  expect(before.urls.filter((url) => url.includes('private-file'))).toEqual([]);
  expect(after.packages).toEqual(expect.arrayContaining(['ky', 'valibot']));
});
