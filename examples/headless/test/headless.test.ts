import { rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  startAuthorizationServer,
  startProtectedApi,
  type AuthorizationServerHandle,
  type ProtectedApi,
} from '@oa-internal/authorization-server';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

const folder = join(import.meta.dirname, '..');
const main = join(folder, 'src/main.ts');

let server: AuthorizationServerHandle;
let api: ProtectedApi;
let home: string;
beforeAll(async () => {
  home = temporaryDirectory();
  server = await startAuthorizationServer();
  api = await startProtectedApi(server);
});
afterAll(async () => {
  await api.close();
  await server.close();
  rmSync(home, { recursive: true });
});

/** Runs a program with `more` in its environment. */
function run(program: string, args: readonly string[] = [], more: Record<string, string | undefined> = {}) {
  return startProcess(program, { args, env: { ...process.env, ...more } }).ended;
}

const env = (secret: string) => ({ OA_CLIENT_SECRET: secret, XDG_CACHE_HOME: home, XDG_CONFIG_HOME: home });
const flags = (issuer: string) => ['--issuer', issuer, '--client-id', 'oa-confidential', '--api', api.url];

it('runs with one command: the second process only calls the API', async () => {
  const { code, stdout, stderr } = await run(join(folder, 'embedded.ts'));
  expect([code, stderr]).toEqual([0, '']);
  const requests = stdout.split('\n').filter((line) => line.startsWith('Requests: '));
  expect(requests).toHaveLength(2);
  expect(requests[0]).toContain('POST /token (client_credentials) 200, GET /api 200');
  expect(requests[1]).toBe('Requests: GET /api 200');
});

it('gets one token for two processes from the issuer that the flags name', async () => {
  const before = server.requests.length;
  for (const process of [1, 2]) {
    const args = [...flags(server.issuer), '--scope', 'read'];
    const { code, stdout, stderr } = await run(main, args, env(server.confidential.client_secret));
    expect([process, code, stderr]).toEqual([process, 0, '']);
    expect(stdout).toContain('answered 200: {"hello":"oa-confidential","scope":"read"}');
  }
  expect(server.requests.slice(before).filter((one) => one.path === '/token')).toHaveLength(1);
});

it('reads the issuer from OA_ISSUER', async () => {
  const args = ['--client-id', 'oa-confidential', '--api', api.url];
  const variables = { ...env(server.confidential.client_secret), OA_ISSUER: server.issuer };
  expect(await run(join(folder, 'embedded.ts'), args, variables)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^GET .* answered 200/),
  });
});

it('exits with 1 for a wrong secret, says what to do, and does not print the secret', async () => {
  const { code, stdout, stderr } = await run(main, [...flags(server.issuer), '--scope', 'write'], env('wr0ng!'));
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^oauth_error: .* invalid_client\b.*\nCheck --client-id and OA_CLIENT_SECRET\.\n$/);
  expect(stderr).not.toContain('wr0ng!');
});

it('exits with 1 where the issuer cannot be reached', async () => {
  const { code, stderr } = await run(main, flags('http://127.0.0.1:1'), env('x'));
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/^network_error: .*\nThe failure may be temporary\. Try again/),
  ]);
});

it('exits with 1 where the API cannot be reached', async () => {
  const args = ['--issuer', server.issuer, '--client-id', 'oa-confidential', '--api', 'http://127.0.0.1:1/'];
  const { code, stderr } = await run(main, args, env(server.confidential.client_secret));
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^The API cannot be reached/)]);
});

it.each([
  [['--isuer', 'x'], "Unknown option '--isuer'"],
  [[], '--issuer is missing'],
  [['--issuer', 'example.com'], '--issuer must be an http or https URL'],
  [['--issuer', 'https://a.test', '--client-id', 'x'], '--api is missing'],
  [['--issuer', 'https://a.test', '--api', 'https://a.test'], '--client-id is missing'],
  [['--issuer', 'https://a.test', '--api', 'https://a.test', '--client-id', 'x'], 'OA_CLIENT_SECRET'],
])('exits with 2 for wrong flags: %j', async (args, complaint) => {
  const { code, stdout, stderr } = await run(main, args, {
    OA_CLIENT_SECRET: undefined,
    OA_ISSUER: undefined,
  });
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(complaint);
  expect(stderr).toContain('Usage: ');
});

it('prints its usage with --help', async () => {
  expect(await run(join(folder, 'embedded.ts'), ['--help'])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Usage: /),
  });
});
