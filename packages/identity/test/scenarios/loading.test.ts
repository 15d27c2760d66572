import { fileURLToPath } from 'node:url';
import { observeLoading, type Loading } from '@oa-internal/testing';
import { expect, it } from 'vitest';

const here = fileURLToPath(new URL('.', import.meta.url));

it('loads no library, no node: module and no fetch for the claims of an ID token', async () => {
  const program = `
    const { readIdToken } = await import('@oa/identity');
    const encode = (value) => btoa(JSON.stringify(value)).replace(/=+$/, '');
    const seconds = Math.floor(Date.now() / 1000);
    const claims = { iss: 'https://as.example', sub: '1', aud: 'c', iat: seconds, exp: seconds + 60 };
    const token = { access_token: 'a', token_type: 'Bearer', id_token: encode({ alg: 'RS256' }) + '.' + encode(claims) + '.AA' };
    const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
    await readIdToken(token, { server, client_id: 'c' });
    console.log(JSON.stringify(loading()));
  `;
  const seen = await observeLoading<Loading>(program, here);
  expect(seen).toMatchObject({ packages: [], requested: [] });
  expect(seen.globals.filter((name) => name !== 'crypto')).toEqual([]);
  expect(seen.urls.filter((url) => url.startsWith('node:'))).toEqual([]);
});
