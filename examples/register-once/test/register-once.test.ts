import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { runProgram } from '@oa-internal/authorization-server/program';
import { beforeEach, expect, test } from 'vitest';

const folder = join(import.meta.dirname, '..');
let env: Record<string, string>;
beforeEach(() => {
  const home = mkdtempSync(join(tmpdir(), 'oa-register-once-'));
  env = { XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home };
  return () => rmSync(home, { recursive: true });
});

test('one command: the first program registers, the second asks nobody', async () => {
  const { status, stdout, stderr } = await runProgram(join(folder, 'embedded.ts'), []);
  expect([status, stderr]).toEqual([0, '']);
  const requests = stdout.split('\n').filter((line) => line.startsWith('Requests: '));
  expect(requests[0]).toContain('POST /register 201');
  expect(requests[1]).toBe('Requests: none');
  const [first, second] = [...stdout.matchAll(/program is client (\S+)\.$/gm)].map((match) => match[1]);
  expect(first).toMatch(/./);
  expect(second).toBe(first);
});

test('against an issuer named by flags: both programs at the same time register once', async () => {
  await using server = await startAuthorizationServer();
  const runs = await Promise.all(
    ['first', 'second', 'first', 'second'].map((name) =>
      runProgram(join(folder, `src/${name}.ts`), ['--issuer', server.issuer], env),
    ),
  );
  expect(runs.map((run) => [run.status, run.stderr])).toEqual(runs.map(() => [0, '']));
  expect(new Set(runs.map((run) => run.stdout.replace(/first|second/, ''))).size).toBe(1);
  expect(server.count('/register')).toBe(1);
});

test('an issuer that registers nobody is exit code 1, a wrong flag is exit code 2', async () => {
  await using server = await startScriptedServer();
  server.script({
    '/.well-known/oauth-authorization-server': {
      json: { issuer: server.origin, token_endpoint: `${server.origin}/token`, response_types_supported: ['code'] },
    },
  });
  const program = join(folder, 'src/first.ts');
  expect(await runProgram(program, ['--issuer', server.origin], env)).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^endpoint_missing: /),
  });
  expect(await runProgram(program, ['--isuer', server.origin], env)).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("Unknown option '--isuer'"),
  });
});
