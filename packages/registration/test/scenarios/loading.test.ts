import { fileURLToPath } from 'node:url';
import { observeLoading, type Loading } from '@oa-internal/testing';
import { expect, it } from 'vitest';

const here = fileURLToPath(new URL('.', import.meta.url));

it('loads no library, no node: module and no fetch when it is imported; a request loads ky and valibot', async () => {
  const program = `
    const { registerClient } = await import('@oa/registration');
    const before = loading();
    const server = { issuer: 'x', token_endpoint: 'x', registration_endpoint: 'http://127.0.0.1:1' };
    await registerClient(server, {}, { fetch: async () => Response.json({ client_id: 'c' }) });
    console.log(JSON.stringify({ before, after: loading() }));
  `;
  const { before, after } = await observeLoading<Record<'before' | 'after', Loading>>(program, here);
  expect(before).toMatchObject({ packages: [], requested: [], globals: [] });
  expect(before.urls.filter((url) => url.startsWith('node:'))).toEqual([]);
  expect(after.packages).toEqual(expect.arrayContaining(['ky', 'valibot']));
});
