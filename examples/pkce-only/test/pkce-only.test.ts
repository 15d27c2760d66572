import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { runProgram, startAgent } from '@oa-internal/authorization-server/program';
import { expect, test } from 'vitest';

const folder = join(import.meta.dirname, '..');

test('one command: logs in and calls the API', async () => {
  const { status, stdout } = await runProgram(join(folder, 'embedded.ts'), []);
  expect(status).toBe(0);
  expect(stdout).toContain('an agent fills in the login and consent forms');
  expect(stdout).toContain('Logged in: Bearer token, scope read, good for 3600 s.');
  expect(stdout).toMatch(/Requests: .*POST \/token \(authorization_code\) 200, GET \/api 200\n$/);
});

test('against an issuer named by flags, without an API', async () => {
  await using server = await startAuthorizationServer();
  await using agent = await startAgent(server);
  const args = ['--issuer', server.issuer, '--client-id', server.public.client_id, '--scope', 'read write'];
  const { status, stdout } = await runProgram(join(folder, 'src/agent.ts'), args, agent.env);
  expect([status, stdout]).toEqual([0, 'Logged in: Bearer token, scope read write, good for 3600 s.\n']);
  expect(server.count('/token')).toBe(1);
});

test('has @oa/pkce as its only dependency', () => {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, object>;
  expect(Object.keys(manifest.dependencies ?? {})).toEqual(['@oa/pkce']);
});

test('nobody to ask is exit code 1, a wrong flag is exit code 2', async () => {
  await using server = await startAuthorizationServer();
  const main = join(folder, 'src/main.ts');
  expect(await runProgram(main, ['--issuer', server.issuer, '--client-id', 'oa-native'])).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^login_required: /),
  });
  expect(await runProgram(main, ['--issuer', 'http://127.0.0.1:1', '--client-id', 'x'])).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^The issuer or the API can not be reached/),
  });
  expect(await runProgram(main, ['--issuer', `${server.issuer}/other`, '--client-id', 'x'])).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^http:.* answered 404: .*\n$/),
  });
  expect(await runProgram(main, ['--issuer', server.issuer])).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^--client-id is missing\n/),
  });
});
