import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { agentEnvironment } from '@oa-internal/authorization-server/agent';
import { startMcpServer } from '@oa-internal/other-servers';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { beforeEach, expect, it } from 'vitest';

const main = join(import.meta.dirname, '../main.ts');

let env: NodeJS.ProcessEnv;
beforeEach(() => {
  const home = temporaryDirectory();
  env = { ...process.env, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home };
  return () => rmSync(home, { recursive: true });
});

/** Runs the program with `more` in its environment. */
function run(args: readonly string[], more: NodeJS.ProcessEnv = {}) {
  return startProcess(main, { args, env: { ...env, ...more } }).ended;
}

/** The requests since the last call, without those of the pages that the user sees after the authorization request. */
function arrivedAt({ requests }: Pick<AuthorizationServerHandle, 'requests'>): string[] {
  const all = requests.splice(0).map(({ method, path, status }) => `${method} ${path} ${status}`);
  return all.filter((each) => !/ \/(interaction|authorize)\//.test(each));
}

it('logs in at a new MCP server with 9 requests until it is initialised, and with none of them later', async () => {
  await using server = await startAuthorizationServer();
  await using mcp = await startMcpServer(server);
  server.requests.length = 0;
  const first = await run([], { OA_API: mcp.url, ...agentEnvironment(server.issuer) });
  expect([first.code, first.stdout]).toEqual([0, 'Tools: whoami\n']);
  const login = arrivedAt(server);
  expect(login).toEqual([
    'GET /.well-known/oauth-authorization-server 200',
    'POST /register 201',
    'GET /authorize 303',
    'POST /token 200',
  ]);
  const session = arrivedAt(mcp);
  // The client opens its stream while it calls the first method.
  const [last] = session.splice(session.indexOf('POST /mcp 200', session.indexOf('POST /mcp 202')), 1);
  expect(last).toBe('POST /mcp 200');
  expect(session).toEqual([
    'POST /mcp 401',
    'GET /.well-known/oauth-protected-resource/mcp 200',
    'POST /mcp 200',
    'POST /mcp 202',
    'GET /mcp 200',
  ]);
  expect(login.length + session.length).toBeLessThanOrEqual(10);

  // Without a terminal no user can be asked.
  const second = await run(['whoami'], { OA_API: mcp.url });
  expect([second.code, second.stdout]).toEqual([0, 'Tools: whoami\nwhoami: [{"type":"text","text":"ada"}]\n']);
  expect(arrivedAt(server)).toEqual([]);
  expect(arrivedAt(mcp).filter((each) => !/ 20[02]$/.test(each))).toEqual([]);
});

it('sends a token of the server that is for it, with the scopes of its challenge and a refresh token', async () => {
  await using server = await startAuthorizationServer();
  await using mcp = await startMcpServer(server);
  const { code, stderr } = await run([], { OA_API: mcp.url, ...agentEnvironment(server.issuer) });
  expect(code).toBe(0);
  const url = new URL(/^http:\S+\/authorize\S+$/m.exec(stderr)?.[0] ?? '');
  expect(url.searchParams.get('resource')).toBe(mcp.url);
  expect(url.searchParams.get('scope')).toBe('read offline_access');
  server.dropAccessTokens();
  server.requests.length = 0;
  const refreshed = await run([], { OA_API: mcp.url });
  expect(refreshed.code).toBe(0);
  expect(server.count('/token', 'refresh_token')).toBe(1);
});

it('exits with 1 and the reason where no user can be asked, and with 2 for a missing or wrong OA_API', async () => {
  await using server = await startAuthorizationServer();
  await using mcp = await startMcpServer(server);
  const refused = await run([], { OA_API: mcp.url });
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain('No user can be asked');
  expect(await run([], { OA_API: undefined })).toMatchObject({
    code: 2,
    stderr: 'OA_API is not set. README.md has an example.\n',
  });
  expect(await run([], { OA_API: 'mcp.example' })).toMatchObject({
    code: 2,
    stderr: 'OA_API must be an http or https URL. README.md has an example.\n',
  });
});

it('has fewer than 60 lines, and no rule about OAuth', () => {
  const text = readFileSync(main, 'utf8');
  expect(text.split('\n').length).toBeLessThan(60);
  expect(text).not.toMatch(/token(?! is stored)|authoriz|scope|401|www-|well-known/i);
});
