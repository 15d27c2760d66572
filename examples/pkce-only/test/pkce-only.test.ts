import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { agentEnvironment } from '@oa-internal/authorization-server/agent';
import { startProcess } from '@oa-internal/testing';
import { expect, it } from 'vitest';

const folder = join(import.meta.dirname, '..');
const main = join(folder, 'main.ts');

/** Runs a program with `more` in its environment. */
function run(program: string, more: NodeJS.ProcessEnv = {}) {
  return startProcess(program, { env: { ...process.env, ...more } }).ended;
}

it('logs in at the issuer of the environment, without an API, and shows no token', async () => {
  await using server = await startAuthorizationServer();
  const { code, stdout, stderr } = await run(main, {
    ...agentEnvironment(server.issuer),
    OA_ISSUER: server.issuer,
    OA_CLIENT_ID: server.public.client_id,
    OA_SCOPE: 'read write',
  });
  expect([code, stdout]).toEqual([0, 'Logged in. The Bearer token is valid for 3600 seconds.\n']);
  expect(stderr).toContain('scope=read+write');
  expect(server.count('/token')).toBe(1);
});

it('has @oa/loopback as its only dependency', () => {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, object>;
  expect(Object.keys(manifest.dependencies ?? {})).toEqual(['@oa/loopback']);
});

it('exits with 1 where the login is impossible, and says why', async () => {
  await using server = await startAuthorizationServer();
  const fail = async (more: NodeJS.ProcessEnv) => {
    const { code, stdout, stderr } = await run(main, { OA_ISSUER: server.issuer, OA_CLIENT_ID: 'oa-native', ...more });
    expect([code, stdout]).toEqual([1, '']);
    return stderr;
  };
  expect(await fail({})).toMatch(/^A login is required\. .*\bterminal\b.*\n$/);
  expect(await fail({ OA_ISSUER: 'http://127.0.0.1:1' })).toBe(
    'A server cannot be reached. Check OA_ISSUER, OA_API and the network.\n',
  );
  expect(await fail({ OA_ISSUER: `${server.issuer}/other` })).toMatch(/^http:.* answered 404\. .*\n$/);
});

it('exits with 2 for a variable that is missing or wrong', async () => {
  expect(await run(main, { OA_ISSUER: 'https://issuer.example', OA_CLIENT_ID: undefined })).toMatchObject({
    code: 2,
    stderr: 'OA_CLIENT_ID is not set. README.md shows all variables.\n',
  });
  expect(await run(main, { OA_ISSUER: 'issuer.example', OA_CLIENT_ID: 'x' })).toMatchObject({
    code: 2,
    stderr: 'OA_ISSUER must be an http or https URL. README.md shows all variables.\n',
  });
});
