import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);
const here = fileURLToPath(new URL('.', import.meta.url));

/**
 * Runs a program that can call `loaded()`: what of ky, valibot, open, undici and http it has loaded, and whether it has asked
 * for child_process. (Node itself loads that with `cluster` in every `listen()`.)
 */
async function observe(program: string): Promise<unknown> {
  const observer = `
    import { registerHooks } from 'node:module';
    const urls = [];
    registerHooks({ load(url, context, next) { urls.push(url); return next(url, context); } });
    globalThis.builtins = () => urls.filter((url) => url.startsWith('node:'));
    globalThis.loaded = () => [
      ...['ky', 'valibot', 'open'].filter((name) => urls.some((url) => url.includes('/node_modules/' + name + '/'))),
      ...['internal/deps/undici/undici', 'http'].filter((name) => process.moduleLoadList.includes('NativeModule ' + name)),
      ...['child_process'].filter((name) => asked.includes('node:' + name) || urls.includes('node:' + name)),
    ];
    const asked = [];
    const { getBuiltinModule } = process;
    process.getBuiltinModule = (name) => (asked.push(name), getBuiltinModule(name));
    const before = loaded();
    if (before.length > 0) throw new Error('already loaded: ' + before);
  `;
  const { stdout } = await run(
    process.execPath,
    [
      '--conditions=@oa/source',
      `--import=data:text/javascript,${encodeURIComponent(observer)}`,
      '--input-type=module',
      '-e',
      program,
    ],
    { cwd: here, env: { ...process.env, BROWSER: '' } },
  );
  return JSON.parse(stdout);
}

it('the pure part loads no node: module, no ky, no undici; nor do a challenge, a URL and a callback', async () => {
  const seen = await observe(`
    const { createPkce, authorizationUrl, readCallback } = await import('@oa/pkce');
    const server = { issuer: 'https://as.example', authorization_endpoint: 'https://as.example/a', token_endpoint: 'https://as.example/t' };
    const { code_challenge } = await createPkce();
    authorizationUrl(server, { client_id: 'x' }, { redirect_uri: 'https://app.example/cb', state: 's', code_challenge, scope: 'openid' });
    readCallback('https://app.example/cb?state=s&code=c', { state: 's', server });
    console.log(JSON.stringify({ loaded: loaded(), builtins: builtins() }));
  `);
  expect(seen).toEqual({ loaded: [], builtins: [] });
});

it('until the authorization URL exists a login loads none of them but http; the network comes while the person is busy', async () => {
  const seen = await observe(`
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
    console.log(JSON.stringify({ imported, waiting, busy: busy.filter((name) => name !== 'open' && name !== 'child_process').sort() }));
  `);
  expect(seen).toEqual({
    imported: [],
    waiting: ['http'],
    busy: ['http', 'internal/deps/undici/undici', 'ky', 'valibot'],
  });
});

it('one file names open; node: modules are had without an import, and only below the loopback entry', async () => {
  const folder = new URL('../src/', import.meta.url);
  const sources = await Promise.all(
    (await readdir(folder)).map(async (name) => [name, await readFile(new URL(name, folder), 'utf8')] as const),
  );
  const naming = (pattern: RegExp): string[] => sources.filter(([, text]) => pattern.test(text)).map(([name]) => name);
  expect(naming(/['"]open['"]/)).toEqual(['browser.ts']);
  expect(naming(/^import (?!type ).*['"]node:/m)).toEqual([]);
  const pure = new Set(['authorization.ts', 'callback.ts', 'challenge.ts', 'exchange.ts', 'index.ts']);
  expect(naming(/node:|process\.|\bNodeJS\b/).filter((name) => pure.has(name))).toEqual([]);
});
