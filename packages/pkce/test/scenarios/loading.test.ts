import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { observeLoading, type Loading } from '@oa-internal/testing';
import { expect, it } from 'vitest';

it('loads no node: module, no package and no undici for a challenge, a URL and a callback', async () => {
  const { urls, packages, builtins } = await observeLoading<Loading>(
    `const { createPkce, authorizationUrl, readCallback } = await import('@oa/pkce');
     const server = { issuer: 'https://as.example', authorization_endpoint: 'https://as.example/a', token_endpoint: 'https://as.example/t' };
     const { code_challenge } = await createPkce();
     authorizationUrl(server, { client_id: 'x' }, { redirect_uri: 'https://app.example/cb', state: 's', code_challenge, scope: 'openid' });
     readCallback('https://app.example/cb?state=s&code=c', { state: 's', server });
     console.log(JSON.stringify(loading()));`,
    fileURLToPath(new URL('.', import.meta.url)),
    {},
    { watchGlobals: false },
  );
  expect(urls.filter((url) => url.startsWith('node:'))).toEqual([]);
  expect(packages).toEqual([]);
  for (const name of ['internal/deps/undici/undici', 'http']) expect(builtins).not.toContain(name);
});

it('uses nothing of Node.js in its sources', async () => {
  const folder = new URL('../../src/', import.meta.url);
  for (const name of await readdir(folder))
    expect([name, await readFile(new URL(name, folder), 'utf8')]).toEqual([
      name,
      expect.not.stringMatching(/node:|process\.|\bNodeJS\b|\bBuffer\b/),
    ]);
});
