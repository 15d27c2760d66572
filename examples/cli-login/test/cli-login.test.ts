import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  startAuthorizationServer,
  startProtectedApi,
  type AuthorizationServerHandle,
  type ProtectedApi,
} from '@oa-internal/authorization-server';
import { startAgent, type AgentServer } from '@oa-internal/authorization-server/agent';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';

const folder = join(import.meta.dirname, '..');
const main = join(folder, 'src/main.ts');
const withAgent = join(folder, 'src/agent.ts');

let server: AuthorizationServerHandle;
let api: ProtectedApi;
let agent: AgentServer;
let env: Record<string, string>;
beforeEach(async () => {
  const home = temporaryDirectory();
  server = await startAuthorizationServer();
  api = await startProtectedApi(server);
  agent = await startAgent(server);
  env = { ...agent.env, XDG_CACHE_HOME: join(home, 'cache'), XDG_CONFIG_HOME: join(home, 'config') };
  return () => rmSync(home, { recursive: true });
});
afterEach(async () => {
  await agent[Symbol.asyncDispose]();
  await api.close();
  await server.close();
});

/** Runs a program with `more` in its environment. */
function run(program: string, args: readonly string[] = [], more: Record<string, string> = {}) {
  return startProcess(program, { args, env: { ...process.env, ...more } }).ended;
}

const flags = (...more: string[]) => ['--issuer', server.issuer, '--api', api.url, ...more];

it('runs with one command: an agent logs in where no user can, and the second process finds the token', async () => {
  const { code, stdout } = await run(join(folder, 'embedded.ts'));
  expect(code).toBe(0);
  expect(stdout).toContain('an agent fills in the login and consent forms');
  expect(stdout.match(/answered 200: \{"hello":"ada","scope":"read"\}/g)).toHaveLength(2);
  const requests = stdout.split('\n').filter((line) => line.startsWith('Requests: '));
  expect(requests[0]).toContain('POST /token (authorization_code) 200, GET /api 200');
  expect(requests[1]).toBe('Requests: GET /api 200');
});

it('registers once for both processes without a client_id', async () => {
  for (const program of [withAgent, main])
    expect(await run(program, flags('--scope', 'read'), env)).toMatchObject({ code: 0 });
  expect([server.count('/register'), server.count('/token')]).toEqual([1, 1]);
});

it('refreshes an expired token without the user', async () => {
  server.setAccessTokenTtl(1);
  expect(await run(withAgent, flags('--client-id', 'oa-native'), env)).toMatchObject({ code: 0 });
  await sleep(1100);
  server.setAccessTokenTtl(3600);
  // On a busy machine the first program may have refreshed its token too.
  server.requests.length = 0;
  expect(await run(main, flags('--client-id', 'oa-native'), env)).toMatchObject({ code: 0 });
  expect([server.count('/token', 'authorization_code'), server.count('/token', 'refresh_token')]).toEqual([0, 1]);
});

it('exits with 1 and sends no request where no user can log in', async () => {
  const { code, stderr } = await run(main, flags('--client-id', 'oa-native'), env);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^login_required: /)]);
  expect(server.requests).toEqual([]);
});

it('exits with 2 for a wrong flag', async () => {
  const { code, stderr } = await run(main, ['--sope', 'x']);
  expect([code, stderr]).toEqual([2, expect.stringContaining("Unknown option '--sope'")]);
});
