import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  startAuthorizationServer,
  startProtectedApi,
  startWorkloadPlatform,
  type AuthorizationServerHandle,
  type ProtectedApi,
  type WorkloadPlatform,
} from '@oa-internal/authorization-server';
import { startProcess, temporaryDirectory, type ProcessEnd } from '@oa-internal/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const folder = join(import.meta.dirname, '..');
const main = join(folder, 'main.ts');

let home: string;
let platform: WorkloadPlatform;
let server: AuthorizationServerHandle;
let api: ProtectedApi;
/** What the platform and the server do before the API answers. */
let beforeAnswer: (requests: number) => Promise<void>;
beforeAll(async () => {
  home = temporaryDirectory();
  platform = await startWorkloadPlatform(home);
  server = await startAuthorizationServer({ trusts: [platform.issuer] });
  api = await startProtectedApi(server, { beforeAnswer: (requests) => beforeAnswer(requests) });
});
afterAll(async () => {
  await api.close();
  await server.close();
  await platform.close();
  rmSync(home, { recursive: true });
});
beforeEach(() => {
  beforeAnswer = async () => undefined;
  server.requests.length = 0;
  api.requests.length = 0;
});

/** The environment of the job. */
const job = (more: NodeJS.ProcessEnv = {}) => ({
  OA_ISSUER: server.issuer,
  OA_CLIENT_ID: server.public.client_id,
  OA_TOKEN_FILE: platform.tokenFile,
  OA_API: api.url,
  XDG_CACHE_HOME: home,
  XDG_CONFIG_HOME: home,
  ...more,
});

/** Runs a program with `more` in its environment. Its output must not have a token. */
async function run(program: string, more: NodeJS.ProcessEnv = {}, args: string[] = []): Promise<ProcessEnd> {
  const end = await startProcess(program, { args, env: { ...process.env, ...more } }).ended;
  // A JWT starts with `{"`, and an access token has 43 characters.
  expect(end.stdout + end.stderr).not.toMatch(/eyJ|[\w-]{43}/);
  return end;
}

const apiRequests = () => api.requests.map(({ path, status }) => `${path} ${status}`);

it('runs with one command, and gets two access tokens for four requests', async () => {
  const { code, stdout, stderr } = await run(join(folder, 'embedded.ts'));
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout.match(/ answered 200: \{"hello":"system:serviceaccount:jobs:report"\}$/gm)).toHaveLength(3);
  const requests = /^Requests: (.*)$/m.exec(stdout)?.[1]?.split(', ');
  expect(requests).toEqual([
    'GET /.well-known/oauth-authorization-server 200',
    `POST /token (${JWT_BEARER}) 200`,
    `POST /token (${JWT_BEARER}) 200`,
    'GET /api/orders 200',
    'GET /api/customers 200',
    'GET /api/invoices 401',
    'GET /api/invoices 200',
  ]);
});

it('sends the new token of the file with the next grant', async () => {
  const first = await platform.renew(server.issuer);
  let second = first;
  beforeAnswer = async (requests) => {
    if (requests !== 2) return;
    second = await platform.renew(server.issuer);
    server.dropAccessTokens();
  };
  const end = await run(main, job({ OA_SCOPE: 'read' }), ['a', 'b']);
  const line = (name: string) =>
    `GET ${api.url}/${name} answered 200: {"hello":"system:serviceaccount:jobs:report","scope":"read"}\n`;
  expect(end).toMatchObject({ code: 0, stdout: line('a') + line('b'), stderr: '' });
  expect(apiRequests()).toEqual(['/api/a 200', '/api/b 401', '/api/b 200']);
  expect(server.count('/token', JWT_BEARER)).toBe(2);
  expect(second).not.toBe(first);

  // The server takes each token once, and it has taken both.
  for (const used of [first, second]) {
    writeFileSync(platform.tokenFile, used);
    expect(await run(main, job())).toMatchObject({ code: 1, stderr: expect.stringContaining('invalid_grant') });
  }
});

it('exits with 1 where the API refuses the access token and the file has no new token', async () => {
  await platform.renew(server.issuer);
  beforeAnswer = async (requests) => {
    if (requests === 2) server.dropAccessTokens();
  };
  const { code, stdout } = await run(main, job(), ['a', 'b']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/\/a answered 200: .*\n.*\/b answered 401: \{"error":"invalid_token"\}\n$/);
  expect(apiRequests()).toEqual(['/api/a 200', '/api/b 401']);
});

it('exits with 1 for an expired token, says what to do, and sends no request for a token', async () => {
  await platform.renew(server.issuer, -1);
  const { code, stdout, stderr } = await run(main, job());
  expect([code, stdout]).toEqual([1, '']);
  const shown = (text: string) =>
    text.replaceAll(/\/\S+\/token\b/g, 'FILE').replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'TIME');
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  expect(readme.match(/^assertion_unavailable: .*\n/m)?.map(shown)).toEqual([shown(stderr)]);
  expect(server.count('/token')).toBe(0);
  expect(apiRequests()).toEqual([]);
});

it('exits with 1 where there is no file', async () => {
  const { code, stderr } = await run(main, job({ OA_TOKEN_FILE: join(home, 'none') }));
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^assertion_unavailable: There is no file .*\n$/)]);
});

it.each(['signed with another key', 'of an issuer that it does not trust', 'for another server'])(
  'exits with 1 where the server refuses a token that is %s',
  async (fault) => {
    await using other = await startWorkloadPlatform(mkdtempSync(join(home, 'other-')));
    const foreign = await other.renew(server.issuer);
    const own = await platform.renew(server.issuer);
    const [, , signature = ''] = foreign.split('.');
    if (fault.includes('key')) writeFileSync(platform.tokenFile, [...own.split('.').slice(0, 2), signature].join('.'));
    else if (fault.includes('issuer')) writeFileSync(platform.tokenFile, foreign);
    else await platform.renew('https://other.example');
    const { code, stdout, stderr } = await run(main, job());
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^oauth_error: .*\binvalid_grant\b.*\bCheck that it trusts the issuer\b.*\n$/);
    expect(server.requests.at(-1)).toMatchObject({ path: '/token', status: 400 });
    expect(apiRequests()).toEqual([]);

    // The same job succeeds with a token that has no fault.
    writeFileSync(platform.tokenFile, own);
    expect(await run(main, job())).toMatchObject({ code: 0, stderr: '' });
  },
);

it('exits with 1 where the API cannot be reached', async () => {
  await platform.renew(server.issuer);
  expect(await run(main, job({ OA_API: 'http://127.0.0.1:1/' }))).toMatchObject({
    code: 1,
    stderr: 'http://127.0.0.1:1/ cannot be reached. Check OA_API and the network.\n',
  });
});

it.each([
  ['OA_ISSUER', undefined, 'is not set'],
  ['OA_ISSUER', 'example.com', 'must be an http or https URL'],
  ['OA_API', '', 'is not set'],
  ['OA_TOKEN_FILE', undefined, 'is not set'],
])('exits with 2 if %s is %j, and sends no request', async (name, value, complaint) => {
  expect(await run(join(folder, 'embedded.ts'), job({ [name]: value }))).toMatchObject({
    code: 2,
    stdout: '',
    stderr: `${name} ${complaint}. README.md shows all variables.\n`,
  });
  expect(server.requests).toEqual([]);
});
