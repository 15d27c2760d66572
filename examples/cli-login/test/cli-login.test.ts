import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  startAuthorizationServer,
  startProtectedApi,
  type AuthorizationServerHandle,
  type ProtectedApi,
} from '@oa-internal/authorization-server';
import { runProgram, startAgent } from '@oa-internal/authorization-server/program';
import { afterEach, beforeEach, expect, test } from 'vitest';

const folder = join(import.meta.dirname, '..');
const main = join(folder, 'src/main.ts');
const withAgent = join(folder, 'src/agent.ts');

let server: AuthorizationServerHandle;
let api: ProtectedApi;
let agent: Awaited<ReturnType<typeof startAgent>>;
let env: Record<string, string>;
beforeEach(async () => {
  const home = mkdtempSync(join(tmpdir(), 'oa-cli-login-'));
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

const flags = (...more: string[]) => ['--issuer', server.issuer, '--api', api.url, ...more];

test('one command: an agent logs in where nobody can, and says so; the second process finds the token', async () => {
  const { status, stdout } = await runProgram(join(folder, 'embedded.ts'), []);
  expect(status).toBe(0);
  expect(stdout).toContain('an agent fills in the login and consent forms');
  expect(stdout.match(/answered 200: \{"hello":"ada","scope":"read"\}/g)).toHaveLength(2);
  const requests = stdout.split('\n').filter((line) => line.startsWith('Requests: '));
  expect(requests[0]).toContain('POST /token (authorization_code) 200, GET /api 200');
  expect(requests[1]).toBe('Requests: GET /api 200');
});

test('without a client_id it registers once, for both processes', async () => {
  for (const program of [withAgent, main])
    expect(await runProgram(program, flags('--scope', 'read'), env)).toMatchObject({ status: 0 });
  expect([server.count('/register'), server.count('/token')]).toEqual([1, 1]);
});

test('an expired token is refreshed without a person', async () => {
  server.setAccessTokenTtl(1);
  expect(await runProgram(withAgent, flags('--client-id', 'oa-native'), env)).toMatchObject({ status: 0 });
  await sleep(1100);
  server.setAccessTokenTtl(3600);
  // On a busy machine the first program may have needed one of its own.
  server.requests.length = 0;
  expect(await runProgram(main, flags('--client-id', 'oa-native'), env)).toMatchObject({ status: 0 });
  expect([server.count('/token', 'authorization_code'), server.count('/token', 'refresh_token')]).toEqual([0, 1]);
});

test('nobody to ask is exit code 1, at once and without a request', async () => {
  const { status, stderr } = await runProgram(main, flags('--client-id', 'oa-native'), env);
  expect([status, stderr]).toEqual([1, expect.stringMatching(/^login_required: /)]);
  expect(server.requests).toEqual([]);
});

test('a wrong flag is exit code 2', async () => {
  const { status, stderr } = await runProgram(main, ['--sope', 'x']);
  expect([status, stderr]).toEqual([2, expect.stringContaining("Unknown option '--sope'")]);
});
