import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { startAgent } from '@oa-internal/authorization-server/agent';
import { startProcess } from '@oa-internal/testing';
import { expect, it } from 'vitest';

const folder = join(import.meta.dirname, '..');

/** Runs a program with `more` in its environment. */
function run(program: string, args: readonly string[] = [], more: Record<string, string> = {}) {
  return startProcess(program, { args, env: { ...process.env, ...more } }).ended;
}

it('runs with one command: logs in and calls the API', async () => {
  const { code, stdout } = await run(join(folder, 'embedded.ts'));
  expect(code).toBe(0);
  expect(stdout).toContain('an agent fills in the login and consent forms');
  expect(stdout).toContain('Logged in: Bearer token, scope read, valid for 3600 seconds.');
  expect(stdout).toMatch(/Requests: .*POST \/token \(authorization_code\) 200, GET \/api 200\n$/);
});

it('logs in at the issuer that the flags name, without an API', async () => {
  await using server = await startAuthorizationServer();
  await using agent = await startAgent(server);
  const args = ['--issuer', server.issuer, '--client-id', server.public.client_id, '--scope', 'read write'];
  const { code, stdout } = await run(join(folder, 'src/agent.ts'), args, agent.env);
  expect([code, stdout]).toEqual([0, 'Logged in: Bearer token, scope read write, valid for 3600 seconds.\n']);
  expect(server.count('/token')).toBe(1);
});

it('has @oa/loopback as its only dependency', () => {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, object>;
  expect(Object.keys(manifest.dependencies ?? {})).toEqual(['@oa/loopback']);
});

it('exits with 1 where the login is impossible, and with 2 for a wrong flag', async () => {
  await using server = await startAuthorizationServer();
  const main = join(folder, 'src/main.ts');
  expect(await run(main, ['--issuer', server.issuer, '--client-id', 'oa-native'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^login_required: /),
  });
  expect(await run(main, ['--issuer', 'http://127.0.0.1:1', '--client-id', 'x'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^The issuer or the API cannot be reached/),
  });
  expect(await run(main, ['--issuer', `${server.issuer}/other`, '--client-id', 'x'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^http:.* answered 404\. .*\n$/),
  });
  expect(await run(main, ['--issuer', server.issuer])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^--client-id is missing\.\n/),
  });
});
