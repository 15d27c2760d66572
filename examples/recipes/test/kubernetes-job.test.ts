import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  startAuthorizationServer,
  startProtectedApi,
  startWorkloadPlatform,
  type AuthorizationServerHandle,
  type ProtectedApi,
  type WorkloadPlatform,
} from '@oa-internal/authorization-server';
import { temporaryDirectory } from '@oa-internal/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { folder, startRecipe } from './recipe.ts';

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

let directory: string;
/** Stands for the mounted volume. */
let volume: string;
let platform: WorkloadPlatform;
let server: AuthorizationServerHandle;
let api: ProtectedApi;
/** What happens before the API answers. */
let beforeAnswer: (requests: number) => Promise<void>;
beforeEach(async () => {
  directory = temporaryDirectory();
  volume = join(directory, 'volume');
  mkdirSync(volume);
  beforeAnswer = async () => undefined;
  platform = await startWorkloadPlatform(directory);
  server = await startAuthorizationServer({ trusts: [platform.issuer] });
  api = await startProtectedApi(server, { beforeAnswer: (requests) => beforeAnswer(requests) });
});
afterEach(async () => {
  await api.close();
  await server.close();
  await platform.close();
  rmSync(directory, { recursive: true });
});

/**
 * Puts a new token into the volume as the kubelet does: a new directory, and one rename of the link `..data`, through which `token` leads. It
 * removes the directory of the old one.
 */
async function renewToken(lifetime?: number): Promise<string> {
  const token = await platform.renew(server.issuer, lifetime);
  const former = readdirSync(volume).filter((name) => /^\.\.\d/.test(name));
  const name = `..2026_11_28_00_00_0${former.length}.${process.hrtime.bigint()}`;
  mkdirSync(join(volume, name));
  writeFileSync(join(volume, name, 'token'), token, { mode: 0o640 });
  symlinkSync(name, join(volume, '..data_tmp'));
  renameSync(join(volume, '..data_tmp'), join(volume, '..data'));
  if (former.length === 0) symlinkSync('..data/token', join(volume, 'token'));
  for (const old of former) rmSync(join(volume, old), { recursive: true });
  return token;
}

const run = (...paths: string[]) =>
  startRecipe(
    'kubernetes-job.ts',
    {
      OA_ISSUER: server.issuer,
      OA_CLIENT_ID: server.public.client_id,
      OA_TOKEN_FILE: join(volume, 'token'),
      OA_API: api.url,
    },
    paths,
  ).ended;

it('sends the token that the kubelet has put into the volume between two calls', async () => {
  const first = await renewToken();
  let second = first;
  beforeAnswer = async (requests) => {
    if (requests !== 2) return;
    second = await renewToken();
    server.dropAccessTokens();
  };
  expect(await run('orders', 'customers', 'invoices')).toMatchObject({
    code: 0,
    stdout: 'orders: 200\ncustomers: 200\ninvoices: 200\n',
    stderr: '',
  });
  // The server takes each token once, so the second grant had the new one.
  expect(server.requests.filter(({ path }) => path === '/token').map((one) => [one.grant_type, one.status])).toEqual([
    [JWT_BEARER, 200],
    [JWT_BEARER, 200],
  ]);
  expect(second).not.toBe(first);
  expect(api.requests.map(({ path, status }) => `${path} ${status}`)).toEqual([
    '/api/orders 200',
    '/api/customers 401',
    '/api/customers 200',
    '/api/invoices 200',
  ]);
});

it('ends with 1 where the volume has no token, or an expired one, without a request for one', async () => {
  expect(await run('orders')).toMatchObject({ code: 1, stderr: expect.stringMatching(/^assertion_unavailable: /) });
  await renewToken(-1);
  const { code, stdout, stderr } = await run('orders');
  expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(/^assertion_unavailable: .* has expired /)]);
  expect(server.count('/token')).toBe(0);
  expect(api.requests).toEqual([]);
});

it('shows no token where the server refuses it', async () => {
  const token = await renewToken();
  expect(await run('orders')).toMatchObject({ code: 0 });
  const { code, stdout, stderr } = await run('orders');
  expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(/^oauth_error: .*invalid_grant/)]);
  expect(stderr).not.toContain(token.slice(0, 20));
  expect(server.requests.at(-1)).toMatchObject({ path: '/token', status: 400 });
});

it('reads the file where the manifest mounts it', () => {
  const manifest = readFileSync(join(folder, 'kubernetes-job.yaml'), 'utf8');
  const [, mountPath = ''] = /mountPath: ([^, ]+)/.exec(manifest) ?? [];
  const [, path = ''] = /serviceAccountToken: \{ path: (\w+)/.exec(manifest) ?? [];
  const [, issuer = ''] = /OA_ISSUER, value: (\S+)/.exec(manifest) ?? [];
  expect(readFileSync(join(folder, 'kubernetes-job.ts'), 'utf8')).toContain(`'${mountPath}/${path}'`);
  expect(manifest).toContain(`audience: ${issuer},`);
});
