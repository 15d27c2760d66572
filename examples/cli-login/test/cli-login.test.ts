import { globSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  startAuthorizationServer,
  startProtectedApi,
  type AuthorizationServerHandle,
  type ProtectedApi,
} from '@oa-internal/authorization-server';
import { agentEnvironment } from '@oa-internal/authorization-server/agent';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';

const main = join(import.meta.dirname, '../main.ts');

let server: AuthorizationServerHandle;
let api: ProtectedApi;
let home: string;
/** All that the program has shown. */
let shown: string;
beforeEach(async () => {
  home = temporaryDirectory();
  shown = '';
  server = await startAuthorizationServer();
  api = await startProtectedApi(server);
  return () => rmSync(home, { recursive: true });
});
afterEach(async () => {
  await api.close();
  await server.close();
});

/** Runs a program in a pseudo-terminal, and exits with its code. */
const TERMINAL = ['sh', '-c', 'exec script -qefc "$*" /dev/null', 'sh'];

/** Runs a command of the program without a user. */
async function run(command: string, more: NodeJS.ProcessEnv = {}, under: readonly string[] = []) {
  const env = {
    ...process.env,
    OA_ISSUER: server.issuer,
    OA_CLIENT_ID: server.public.client_id,
    OA_API: api.url,
    XDG_CACHE_HOME: join(home, 'cache'),
    XDG_CONFIG_HOME: join(home, 'config'),
    ...more,
  };
  const end = await startProcess(main, { args: command.split(' '), env, under, input: under.length > 0 }).ended;
  shown += end.stdout + end.stderr;
  return end;
}

/** Runs a command of the program, with the agent for its user. */
const runAsUser = (command: string, more: NodeJS.ProcessEnv = {}) =>
  run(command, { ...agentEnvironment(server.issuer), ...more });

/** What a command shows that succeeds. */
async function output(command: string): Promise<string> {
  const { code, stdout, stderr } = await run(command);
  expect([command, code, stderr]).toEqual([command, 0, '']);
  return stdout;
}

/** The tokens that are on disk now. */
function storedTokens(): string[] {
  const texts = globSync(join(home, 'cache/**/*.json')).map((path) => readFileSync(path, 'utf8'));
  return texts.flatMap((text) =>
    [...text.matchAll(/"(?:access|refresh|id)_token":"([^"]+)"/g)].map(([, token]) => token ?? ''),
  );
}

/** How many times a browser has asked for the login page. */
const browsers = () => server.count('/authorize');

it('keeps two accounts side by side, and logs out of one and of all', async () => {
  for (const account of ['ada', 'grace']) {
    const login = await runAsUser(`login ${account}`);
    expect([login.code, login.stdout]).toEqual([0, `The account is now ${account}.\n`]);
    expect(await output('whoami')).toBe(`You are ${account}.\n`);
  }
  expect(await output('status')).toBe('  ada (openid offline_access)\n* grace (openid offline_access)\n');
  expect(await output('switch ada')).toBe('The account is now ada.\n');
  expect(await output('whoami')).toBe('You are ada.\n');
  expect(await output('status')).toBe('* ada (openid offline_access)\n  grace (openid offline_access)\n');
  const secrets = storedTokens();
  expect(secrets).toHaveLength(6);

  expect(await output('logout')).toBe('Logged out ada.\n');
  expect(await output('logout')).toBe('ada was not logged in.\n');
  expect(await run('whoami')).toMatchObject({ code: 1 });
  expect(await output('switch grace')).toBe('The account is now grace.\n');
  expect(await output('whoami')).toBe('You are grace.\n');
  await runAsUser('login ada');
  secrets.push(...storedTokens());
  expect(await output('logout-all')).toBe('Accounts logged out: 2.\n');
  expect(await output('status')).toBe('You are not logged in. Run "example-cli-login login".\n');
  expect(storedTokens()).toEqual([]);
  expect(secrets.filter((secret) => shown.includes(secret))).toEqual([]);
  for (const secret of secrets.filter((each) => !each.includes('.')))
    expect(await server.introspect(secret)).toBeUndefined();
});

it.each([
  ['the agent as its user', []],
  ['a pseudo-terminal', TERMINAL],
])('opens no browser for whoami after a logout, with %s', async (_, under) => {
  const env = { ...agentEnvironment(server.issuer), ...(under.length > 0 && { NODE_OPTIONS: '' }) };
  const login = await run('login ada', env, under);
  expect([login.code, login.stdout]).toEqual([0, expect.stringMatching(/The account is now ada\.\r?\n$/)]);
  expect(browsers()).toBe(1);
  await output('logout');
  server.requests.length = 0;
  const { code, stdout, stderr } = await run('whoami', env, under);
  expect([code, (stdout + stderr).trim()]).toEqual([1, 'You are not logged in. Run "example-cli-login login".']);
  expect([server.requests, api.requests]).toEqual([[], []]);
});

it('registers once without a client_id', async () => {
  for (const account of ['ada', 'grace'])
    expect(await runAsUser(`login ${account}`, { OA_CLIENT_ID: undefined })).toMatchObject({ code: 0 });
  expect(await run('whoami', { OA_CLIENT_ID: undefined })).toMatchObject({ code: 0, stdout: 'You are grace.\n' });
  expect([server.count('/register'), server.count('/token')]).toEqual([1, 2]);
});

it('refreshes an expired token without the user', async () => {
  server.setAccessTokenTtl(1);
  expect(await runAsUser('login ada')).toMatchObject({ code: 0 });
  await sleep(1100);
  server.setAccessTokenTtl(3600);
  server.requests.length = 0;
  expect(await output('whoami')).toBe('You are ada.\n');
  expect(server.requests.map(({ grant_type }) => grant_type)).toEqual(['refresh_token']);
});

it('asks the server for a new login, and names the account (OpenID Connect Core section 3.1.2.1)', async () => {
  const { stderr } = await runAsUser('login grace');
  expect(stderr).toContain('prompt=login+consent&login_hint=grace');
  expect((await runAsUser('login default')).stderr).not.toContain('login_hint');
});

it.each([
  ['login ada', {}, /^A (?:user must log in|login is required)/],
  ['switch grace', {}, /^Not logged in\. Run "example-cli-login login grace"\.\n$/],
  ['whoami', {}, /^You are not logged in\. Run "example-cli-login login"\.\n$/],
  ['whoamy', {}, /^error: unknown command 'whoamy'\n\(Did you mean whoami\?\)\n$/],
])('exits with 1 for %s where that is impossible, says why, and sends no request', async (command, more, message) => {
  const { code, stdout, stderr } = await run(command, more);
  expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(message)]);
  expect(server.requests).toEqual([]);
});

it('says that the user is not logged in when the server has ended the session, and opens no browser', async () => {
  server.setAccessTokenTtl(1);
  expect(await runAsUser('login ada')).toMatchObject({ code: 0 });
  const revocations = storedTokens().map((token) => {
    const body = new URLSearchParams({ client_id: server.public.client_id, token });
    return fetch(`${server.issuer}/revoke`, { method: 'POST', body });
  });
  await Promise.all([...revocations, sleep(1100)]);
  server.requests.length = 0;
  const { code, stdout, stderr } = await runAsUser('whoami');
  expect([code, stdout, stderr]).toEqual([1, '', 'You are not logged in. Run "example-cli-login login".\n']);
  expect(server.requests.map(({ grant_type, status }) => [grant_type, status])).toEqual([['refresh_token', 400]]);
});

it('exits with 1 for an issuer that is no URL, and says so', async () => {
  const { code, stdout, stderr } = await runAsUser('login', { OA_ISSUER: 'issuer.example' });
  expect([code, stdout, stderr.split('\n')]).toEqual([1, '', [expect.stringMatching(/\bURL\b/), '']]);
});

it('exits with 1 where a server can not be reached, and says which', async () => {
  expect(await runAsUser('login ada')).toMatchObject({ code: 0 });
  expect(await run('whoami', { OA_API: 'http://127.0.0.1:1/me' })).toMatchObject({
    code: 1,
    stdout: '',
    stderr: "http://127.0.0.1:1/me can't be reached.\n",
  });
  expect(await runAsUser('login ada', { OA_ISSUER: 'http://127.0.0.1:1' })).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('127.0.0.1:1'),
  });
});

it.each([
  ['OA_CLIENT_ID is empty', { OA_CLIENT_ID: '' }, /^credentials\.client_id must be a non-empty string\./],
  ['OA_ISSUER is empty', { OA_ISSUER: '' }, /^The target must be an issuer URL/],
])('names what is wrong in whoami if %s, and does not blame the API', async (_, env, message) => {
  const { code, stdout, stderr } = await run('whoami', env);
  expect([code, stdout, stderr.split('\n')]).toEqual([1, '', [expect.stringMatching(message), '']]);
});

it.each(['login ada', 'whoami', 'status', 'switch ada', 'logout'])(
  'says in one line that there is no home directory, for %s',
  async (command) => {
    const env = { HOME: undefined, XDG_CONFIG_HOME: undefined, XDG_CACHE_HOME: undefined };
    const { code, stdout, stderr } = await runAsUser(command, env);
    expect([code, stdout, stderr.split('\n')]).toEqual([
      1,
      '',
      [expect.stringContaining('set XDG_CONFIG_HOME or HOME'), ''],
    ]);
  },
);

it('is one file of less than 60 lines, with one manager', () => {
  const text = readFileSync(main, 'utf8');
  expect(text.split('\n').length).toBeLessThanOrEqual(60);
  expect(text.match(/createManager\(/g)).toHaveLength(1);
});
