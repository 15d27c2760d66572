import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  startAuthorizationServer,
  startProtectedApi,
  type AuthorizationServerHandle,
  type ProtectedApi,
} from '@oa-internal/authorization-server';
import { runProgram } from '@oa-internal/authorization-server/program';
import { afterAll, beforeAll, expect, test } from 'vitest';

const folder = join(import.meta.dirname, '..');
const main = join(folder, 'src/main.ts');

let server: AuthorizationServerHandle;
let api: ProtectedApi;
let home: string;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'oa-headless-'));
  server = await startAuthorizationServer();
  api = await startProtectedApi(server);
});
afterAll(async () => {
  await api.close();
  await server.close();
  rmSync(home, { recursive: true });
});

const env = (secret: string) => ({ OA_CLIENT_SECRET: secret, XDG_CACHE_HOME: home, XDG_CONFIG_HOME: home });
const flags = (issuer: string) => ['--issuer', issuer, '--client-id', 'oa-confidential', '--api', api.url];

test('one command: the second process sends nothing but its API call', async () => {
  const { status, stdout, stderr } = await runProgram(join(folder, 'embedded.ts'), []);
  expect([status, stderr]).toEqual([0, '']);
  const requests = stdout.split('\n').filter((line) => line.startsWith('Requests: '));
  expect(requests).toHaveLength(2);
  expect(requests[0]).toContain('POST /token (client_credentials) 200, GET /api 200');
  expect(requests[1]).toBe('Requests: GET /api 200');
});

test('against an issuer named by flags: one token for two processes', async () => {
  const before = server.requests.length;
  for (const run of [1, 2]) {
    const args = [...flags(server.issuer), '--scope', 'read'];
    const { status, stdout, stderr } = await runProgram(main, args, env(server.confidential.client_secret));
    expect([run, status, stderr]).toEqual([run, 0, '']);
    expect(stdout).toContain('answered 200: {"hello":"oa-confidential","scope":"read"}');
  }
  expect(server.requests.slice(before).filter((one) => one.path === '/token')).toHaveLength(1);
});

test('the issuer may stand in OA_ISSUER', async () => {
  const args = ['--client-id', 'oa-confidential', '--api', api.url];
  const variables = { ...env(server.confidential.client_secret), OA_ISSUER: server.issuer };
  expect(await runProgram(join(folder, 'embedded.ts'), args, variables)).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^GET .* answered 200/),
  });
});

test('a wrong secret is exit code 1, with what to do and without the secret', async () => {
  const { status, stdout, stderr } = await runProgram(
    main,
    [...flags(server.issuer), '--scope', 'write'],
    env('wr0ng!'),
  );
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^oauth_error: .* invalid_client: .*\nAre --client-id and OA_CLIENT_SECRET right\?\n$/);
  expect(stderr).not.toContain('wr0ng!');
});

test('a dead issuer is exit code 1', async () => {
  const { status, stderr } = await runProgram(main, flags('http://127.0.0.1:1'), env('x'));
  expect([status, stderr]).toEqual([
    1,
    expect.stringMatching(/^network_error: .*\nThis may pass by itself: try again/),
  ]);
});

test('a dead API is exit code 1', async () => {
  const args = ['--issuer', server.issuer, '--client-id', 'oa-confidential', '--api', 'http://127.0.0.1:1/'];
  const { status, stderr } = await runProgram(main, args, env(server.confidential.client_secret));
  expect([status, stderr]).toEqual([1, expect.stringMatching(/^The API can not be reached/)]);
});

test.each([
  [['--isuer', 'x'], "Unknown option '--isuer'"],
  [[], '--issuer is missing'],
  [['--issuer', 'example.com'], '--issuer has to be an http(s) URL'],
  [['--issuer', 'https://a.test', '--client-id', 'x'], '--api is missing'],
  [['--issuer', 'https://a.test', '--api', 'https://a.test'], '--client-id is missing'],
  [['--issuer', 'https://a.test', '--api', 'https://a.test', '--client-id', 'x'], 'OA_CLIENT_SECRET'],
])('wrong flags are exit code 2: %j', async (args, complaint) => {
  const { status, stdout, stderr } = await runProgram(main, args, {
    OA_CLIENT_SECRET: undefined,
    OA_ISSUER: undefined,
  });
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain(complaint);
  expect(stderr).toContain('Usage: ');
});

test('--help explains', async () => {
  expect(await runProgram(join(folder, 'embedded.ts'), ['--help'])).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^Usage: /),
  });
});
