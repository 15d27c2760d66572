import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  startAuthorizationServer,
  startProtectedApi,
  type AuthorizationServerHandle,
  type ProtectedApi,
} from '@oa-internal/authorization-server';
import { startProcess, temporaryDirectory, type TestProcess } from '@oa-internal/testing';
import { createManager } from '@oa/manager';
import { fileTokenCache, tokenKey } from '@oa/token-cache';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { logIn, secretEnvironment } from './recipe.ts';

const isRoot = process.geteuid?.() === 0;

let directory: string;
/** Stands for `/tmp`. */
let tmp: string;
let server: AuthorizationServerHandle;
let api: ProtectedApi;
let instances: TestProcess[];
beforeEach(async () => {
  directory = temporaryDirectory();
  tmp = newTmp('tmp');
  server = await startAuthorizationServer();
  api = await startProtectedApi(server);
  instances = [];
});
afterEach(async () => {
  for (const instance of instances) instance.endInput();
  await Promise.all(instances.map(({ ended }) => ended));
  await api.close();
  await server.close();
  rmSync(directory, { recursive: true });
});

/** A directory that every user can write in, with the sticky bit. */
function newTmp(name: string): string {
  const path = join(directory, name);
  mkdirSync(path);
  chmodSync(path, 0o1777);
  return path;
}

/** Starts an instance of the function, in a directory where nothing may be written. Resolves to a function that calls it. */
function startInstance(tmpdir = tmp, more: NodeJS.ProcessEnv = {}): () => Promise<unknown> {
  const cwd = join(directory, `code-${instances.length}`);
  mkdirSync(cwd);
  const env = { PATH: process.env['PATH'], TMPDIR: tmpdir, OA_API: api.url, ...secretEnvironment(server), ...more };
  const instance = startProcess(join(import.meta.dirname, 'serverless-instance.ts'), { env, cwd, input: true });
  instances.push(instance);
  let calls = 0;
  return async () => {
    calls += 1;
    instance.write('call\n');
    const [, answer = ''] = await instance.printed(new RegExp(`^(?:answer: .*\\n){${calls - 1}}answer: (.*)\\n`));
    // What was left in the directory of the code.
    expect(readdirSync(cwd)).toEqual([]);
    return JSON.parse(answer);
  };
}

const success = () => ({ statusCode: 200, body: '{"hello":"oa-confidential","scope":"read"}' });
const modeOf = (...path: string[]) => (lstatSync(join(tmp, ...path)).mode & 0o7777).toString(8);

it('sends one token request for a cold start, and none for a warm start or for a cold start with the same /tmp', async () => {
  const call = startInstance();
  expect(await call()).toEqual(success());
  expect(server.count('/token')).toBe(1);
  expect(await call()).toEqual(success());
  expect(await startInstance()()).toEqual(success());
  expect(server.count('/token')).toBe(1);

  expect(readdirSync(tmp)).toEqual(['my-function']);
  expect([modeOf('my-function'), modeOf('my-function', 'tokens')]).toEqual(['700', '700']);
  const files = readdirSync(join(tmp, 'my-function', 'tokens'), { withFileTypes: true }).filter((one) => one.isFile());
  expect(new Set(files.map(({ name }) => modeOf('my-function', 'tokens', name)))).toEqual(new Set(['600']));
});

it('sends a token request for each instance that has a /tmp of its own', async () => {
  expect(await startInstance()()).toEqual(success());
  expect(await startInstance(newTmp('other'))()).toEqual(success());
  expect(server.count('/token')).toBe(2);
});

it('leaves no request under way when the handler returns, also shortly before the expiry', async () => {
  const call = startInstance();
  expect(await call()).toEqual(success());
  // Another instance renews the token of its /tmp within its first call.
  expect(await startInstance(await tmpWithExpiry('other', 30))()).toEqual(success());
  expect(server.count('/token')).toBe(2);

  const late = startInstance(await tmpWithExpiry('late', 100));
  expect([await late(), await late()]).toEqual([success(), success()]);
  // An instance that ends waits for what it has begun.
  instances.at(-1)?.endInput();
  await instances.at(-1)?.ended;
  expect(server.count('/token')).toBe(2);
});

/** A directory like `tmp`, with its token, which expires in `seconds`. */
async function tmpWithExpiry(name: string, seconds: number): Promise<string> {
  const directoryIn = (path: string) => join(path, 'my-function', 'tokens');
  const path = newTmp(name);
  const cache = fileTokenCache({ directory: directoryIn(path) });
  const known = fileTokenCache({ directory: directoryIn(tmp) });
  for await (const { key } of known.list()) {
    const token = await known.get(key);
    if (token !== undefined) await cache.set(key, { ...token, expires_at: Date.now() / 1000 + seconds });
  }
  return path;
}

it('goes on in memory where the directory is another user’s or open, and writes nothing there', async () => {
  mkdirSync(join(tmp, 'my-function', 'tokens'), { recursive: true });
  if (isRoot) chownSync(join(tmp, 'my-function'), 65_534, 65_534);
  else chmodSync(join(tmp, 'my-function'), 0o777);
  const call = startInstance();
  expect(await call()).toEqual(success());
  expect(await call()).toEqual(success());
  expect(instances[0]?.output().stderr).toContain('store_unavailable');
  expect(readdirSync(join(tmp, 'my-function', 'tokens'))).toEqual([]);
  expect(server.count('/token')).toBe(1);
});

it('answers 503 while the server is away, and 200 when there is a valid token', async () => {
  const call = startInstance();
  expect(await call()).toEqual(success());
  await server.close();
  expect(await startInstance(newTmp('other'))()).toEqual({ statusCode: 503, body: 'network_error' });
  expect(await call()).toMatchObject({ statusCode: 200 });
});

it('answers 500 with a wrong secret, and does not ask the server again at once', async () => {
  const call = startInstance(tmp, { OA_CLIENT_SECRET: 'wrong' });
  expect(await call()).toEqual({ statusCode: 500, body: 'oauth_error' });
  const { length } = server.requests;
  expect(await call()).toEqual({ statusCode: 500, body: 'oauth_error' });
  expect(server.requests).toHaveLength(length);
  expect(server.requests.map(({ path, status }) => [path, status])).toContainEqual(['/token', 401]);
});

it('shows why instances must not share a rotating refresh token without a shared store: the second use ends the session', async () => {
  server.setAccessTokenTtl(1);
  const token = await logIn(server);
  const credentials = { ...server.public, scope: 'openid offline_access' };
  const key = tokenKey({ issuer: server.issuer, grant_type: 'authorization_code', ...credentials });
  const start = async (name: string) => {
    const cache = fileTokenCache({ directory: join(newTmp(name), 'my-function', 'tokens') });
    await cache.set(key, { ...token, expires_at: 1 });
    return createManager({ cache, interaction: 'never', leeway: 0 });
  };
  const one = await start('one');
  const two = await start('two');
  expect(await one.get(server.issuer, credentials)).toMatchObject({ ok: true });
  expect(await two.get(server.issuer, credentials)).toMatchObject({ ok: false, error: { code: 'login_required' } });
  await expect
    .poll(() => one.get(server.issuer, credentials, { minimumValidity: 60_000 }), { timeout: 20_000 })
    .toMatchObject({ ok: false, error: { code: 'login_required' } });
});
