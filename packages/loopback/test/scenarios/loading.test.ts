import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { observeLoading } from '@oa-internal/testing';
import { expect, it } from 'vitest';

/**
 * Lists which of ky, valibot, open, undici and http are loaded, and whether the program asked for child_process. (Node itself loads
 * child_process with `cluster` in every `listen()`.)
 */
const LOADED = `
  function loaded() {
    const { urls, packages, builtins, requested } = loading();
    return [
      ...['ky', 'valibot', 'open'].filter((name) => packages.includes(name)),
      ...['internal/deps/undici/undici', 'http'].filter((name) => builtins.includes(name)),
      ...['child_process'].filter((name) => requested.includes('node:' + name) || urls.includes('node:' + name)),
    ];
  }
`;

it('loads only http until the authorization URL exists, and the network code while the user logs in', async () => {
  const seen = await observeLoading(
    `${LOADED}
    const before = loaded();
    const { login } = await import('@oa/loopback');
    const imported = loaded();
    const server = { issuer: 'https://as.example', authorization_endpoint: 'https://as.example/a', token_endpoint: 'https://as.example/t' };
    const controller = new AbortController();
    let waiting;
    const token = login(server, { client_id: 'x' }, {}, {
      interaction: 'always', signal: controller.signal, print() {},
      onEvent(event) { if (event.type === 'login_waiting') waiting = loaded(); },
    });
    token.catch(() => {});
    while (!['ky', 'valibot', 'internal/deps/undici/undici'].every((name) => loaded().includes(name))) await new Promise((resolve) => setTimeout(resolve, 5));
    const busy = loaded();
    controller.abort();
    console.log(JSON.stringify({ before, imported, waiting, busy: busy.filter((name) => name !== 'open' && name !== 'child_process').sort() }));`,
    fileURLToPath(new URL('.', import.meta.url)),
    { BROWSER: '' },
    { watchGlobals: false },
  );
  expect(seen).toEqual({
    before: [],
    imported: [],
    waiting: ['http'],
    busy: ['http', 'internal/deps/undici/undici', 'ky', 'valibot'],
  });
});

it('names open in one file, and imports no node: module (which would load undici)', async () => {
  const folder = new URL('../../src/', import.meta.url);
  const sources = await Promise.all(
    (await readdir(folder)).map(async (name) => [name, await readFile(new URL(name, folder), 'utf8')] as const),
  );
  const filesWith = (pattern: RegExp): string[] =>
    sources.filter(([, text]) => pattern.test(text)).map(([name]) => name);
  expect(filesWith(/['"]open['"]/)).toEqual(['browser.ts']);
  expect(filesWith(/^import (?!type ).*['"]node:/m)).toEqual([]);
});
