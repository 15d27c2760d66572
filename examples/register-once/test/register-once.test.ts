import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { beforeEach, expect, it } from 'vitest';

const folder = join(import.meta.dirname, '..');

/** Runs a program with `more` in its environment. */
function run(program: string, args: readonly string[] = [], more: Record<string, string> = {}) {
  return startProcess(program, { args, env: { ...process.env, ...more } }).ended;
}

let env: Record<string, string>;
beforeEach(() => {
  const home = temporaryDirectory();
  env = { XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home };
  return () => rmSync(home, { recursive: true });
});

it('runs with one command: the first program registers, the second sends no request', async () => {
  const { code, stdout, stderr } = await run(join(folder, 'embedded.ts'));
  expect([code, stderr]).toEqual([0, '']);
  const requests = stdout.split('\n').filter((line) => line.startsWith('Requests: '));
  expect(requests[0]).toContain('POST /register 201');
  expect(requests[1]).toBe('Requests: none');
  const [first, second] = [...stdout.matchAll(/program is client (\S+)\.$/gm)].map((match) => match[1]);
  expect(first).toMatch(/./);
  expect(second).toBe(first);
});

it('registers once where several programs start at the same time', async () => {
  await using server = await startAuthorizationServer();
  const ends = await Promise.all(
    ['first', 'second', 'first', 'second'].map((name) =>
      run(join(folder, `src/${name}.ts`), ['--issuer', server.issuer], env),
    ),
  );
  expect(ends.map((end) => [end.code, end.stderr])).toEqual(ends.map(() => [0, '']));
  expect(new Set(ends.map((end) => end.stdout.replace(/first|second/, ''))).size).toBe(1);
  expect(server.count('/register')).toBe(1);
});

it('exits with 1 where the issuer does not register clients, and with 2 for a wrong flag', async () => {
  await using server = await startScriptedServer();
  server.script({
    '/.well-known/oauth-authorization-server': {
      json: { issuer: server.origin, token_endpoint: `${server.origin}/token`, response_types_supported: ['code'] },
    },
  });
  const program = join(folder, 'src/first.ts');
  expect(await run(program, ['--issuer', server.origin], env)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^endpoint_missing: /),
  });
  expect(await run(program, ['--isuer', server.origin], env)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("Unknown option '--isuer'"),
  });
});
