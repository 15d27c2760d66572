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
const main = join(folder, 'main.ts');

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
function run(program: string, more: NodeJS.ProcessEnv = {}) {
  return startProcess(program, { env: { ...process.env, ...more } }).ended;
}

/** The environment of a job at the server. */
const job = (more: NodeJS.ProcessEnv = {}) => ({
  OA_ISSUER: server.issuer,
  OA_CLIENT_ID: server.confidential.client_id,
  OA_CLIENT_SECRET: server.confidential.client_secret,
  OA_API: api.url,
  XDG_CACHE_HOME: home,
  XDG_CONFIG_HOME: home,
  ...more,
});

it('gets one token for two processes', async () => {
  const before = server.requests.length;
  for (const process of [1, 2]) {
    const { code, stdout, stderr } = await run(main, job({ OA_SCOPE: 'read' }));
    expect([process, code, stderr]).toEqual([process, 0, '']);
    expect(stdout).toContain('answered 200: {"hello":"oa-confidential","scope":"read"}');
  }
  expect(server.requests.slice(before).filter((one) => one.path === '/token')).toHaveLength(1);
});

it('runs with the same command once, at the issuer of OA_ISSUER', async () => {
  expect(await run(join(folder, 'embedded.ts'), job())).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^GET .* answered 200/),
  });
});

it('exits with 1 for a wrong secret, says what to do, and does not print the secret', async () => {
  const { code, stdout, stderr } = await run(main, job({ OA_SCOPE: 'write', OA_CLIENT_SECRET: 'wr0ng!' }));
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^oauth_error: .*\binvalid_client\b.*\bCheck the client_id, the client_secret\b.*\n$/);
  expect(stderr).not.toContain('wr0ng!');
});

it('exits with 1 where the issuer cannot be reached', async () => {
  const { code, stderr } = await run(main, job({ OA_ISSUER: 'http://127.0.0.1:1' }));
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^network_error: .*127\.0\.0\.1:1\b.*\n$/)]);
});

it('exits with 1 where the API cannot be reached', async () => {
  const { code, stderr } = await run(main, job({ OA_API: 'http://127.0.0.1:1/' }));
  expect([code, stderr]).toEqual([1, 'http://127.0.0.1:1/ cannot be reached. Check OA_API and the network.\n']);
});

it('asks for OA_ISSUER where only other variables are set, and starts no embedded server', async () => {
  expect(await run(join(folder, 'embedded.ts'), job({ OA_ISSUER: undefined }))).toMatchObject({
    code: 2,
    stdout: '',
    stderr: 'OA_ISSUER is not set. README.md shows all variables.\n',
  });
});

it.each([
  ['OA_ISSUER', undefined, 'is not set'],
  ['OA_ISSUER', 'example.com', 'must be an http or https URL'],
  ['OA_API', '', 'is not set'],
  ['OA_API', 'ftp://127.0.0.1/', 'must be an http or https URL'],
  ['OA_CLIENT_ID', undefined, 'is not set'],
  ['OA_CLIENT_SECRET', undefined, 'is not set'],
])('exits with 2 if %s is %j, and sends no request', async (name, value, complaint) => {
  const before = server.requests.length;
  expect(await run(main, job({ [name]: value }))).toMatchObject({
    code: 2,
    stdout: '',
    stderr: `${name} ${complaint}. README.md shows all variables.\n`,
  });
  expect(server.requests).toHaveLength(before);
});
