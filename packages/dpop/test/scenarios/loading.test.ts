import { fileURLToPath } from 'node:url';
import { observeLoading, type Loading } from '@oa-internal/testing';
import { expect, it } from 'vitest';

const here = fileURLToPath(new URL('.', import.meta.url));

it('loads no library and no node: module for a key and a proof, so that it runs in every runtime', async () => {
  const program = `
    const { createDpop, createDpopKey } = await import('@oa/dpop');
    const dpop = await createDpop(await createDpopKey());
    await dpop.proof({ method: 'GET', url: 'https://api.example/', accessToken: 'token' });
    console.log(JSON.stringify(loading()));
  `;
  const { packages, requested, urls } = await observeLoading<Loading>(program, here);
  expect([packages, requested]).toEqual([[], []]);
  expect(urls.filter((url) => url.startsWith('node:'))).toEqual([]);
});
