import { fileURLToPath } from 'node:url';
import { observeLoading, type Loading } from '@oa-internal/testing';
import { expect, it } from 'vitest';

const here = fileURLToPath(new URL('.', import.meta.url));

it('loads no library, no node: module and no fetch until a request is sent, and then no library either', async () => {
  const program = `
    const { createFetch } = await import('@oa/fetch');
    const fetch = createFetch(async () => ({ access_token: 'x', token_type: 'Bearer' }));
    const before = loading();
    await fetch('http://127.0.0.1:1/').catch((error) => { if (!(error instanceof TypeError)) throw error; });
    console.log(JSON.stringify({ before, after: loading() }));
  `;
  const { before, after } = await observeLoading<Record<'before' | 'after', Loading>>(program, here);
  expect(before).toMatchObject({ packages: [], requested: [], globals: [] });
  expect(before.urls.filter((url) => url.startsWith('node:'))).toEqual([]);
  expect(after.packages).toEqual([]);
  expect(after.globals).toContain('fetch');
});
