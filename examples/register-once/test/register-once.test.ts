import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { beforeEach, expect, it } from 'vitest';

const main = join(import.meta.dirname, '../main.ts');

/** Runs a program with `more` in its environment. */
function run(program: string, more: NodeJS.ProcessEnv = {}) {
  return startProcess(program, { env: { ...process.env, ...more } }).ended;
}

let env: Record<string, string>;
beforeEach(() => {
  const home = temporaryDirectory();
  env = { XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home };
  return () => rmSync(home, { recursive: true });
});

it('registers once where several processes start at the same time', async () => {
  await using server = await startAuthorizationServer();
  const ends = await Promise.all(Array.from({ length: 4 }, () => run(main, { ...env, OA_ISSUER: server.issuer })));
  expect(ends.map((end) => [end.code, end.stderr])).toEqual(ends.map(() => [0, '']));
  expect(new Set(ends.map((end) => end.stdout)).size).toBe(1);
  expect(server.count('/register')).toBe(1);
});

it('exits with 1 where the issuer does not register clients, and with 2 for a missing or wrong OA_ISSUER', async () => {
  await using server = await startScriptedServer();
  server.script({
    '/.well-known/oauth-authorization-server': {
      json: { issuer: server.origin, token_endpoint: `${server.origin}/token`, response_types_supported: ['code'] },
    },
  });
  expect(await run(main, { ...env, OA_ISSUER: server.origin })).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^endpoint_missing: /),
  });
  expect(await run(main, { ...env, OA_ISSUER: undefined })).toMatchObject({
    code: 2,
    stderr: 'OA_ISSUER is not set. README.md has an example.\n',
  });
  expect(await run(main, { ...env, OA_ISSUER: server.origin.slice('http://'.length) })).toMatchObject({
    code: 2,
    stderr: 'OA_ISSUER must be an http or https URL. README.md has an example.\n',
  });
});
