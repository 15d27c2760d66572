import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { sourceArguments } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { temporaryHome } from '../setup.ts';

const METRICS = ['oa.token.requests', 'oa.token.duration', 'oa.request.duration', 'oa.lock.wait.duration'];

it('the first program of the README prints a span and the metrics', async () => {
  await using server = await startAuthorizationServer();
  temporaryHome();
  const folder = join(import.meta.dirname, '../..');
  const [, block = ''] = /^```ts\n([\s\S]*?)^```$/m.exec(readFileSync(join(folder, 'README.md'), 'utf8')) ?? [];
  const program = block
    .replace("'https://login.example.com'", JSON.stringify(server.issuer))
    .replace("{ client_id: 'my-tool' }", JSON.stringify(server.confidential));
  const args = [...sourceArguments, '--input-type=module', '--eval', program];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: folder });
  expect(stderr).toBe('valid\n');
  for (const name of ['oa.get', ...METRICS]) expect(stdout).toContain(`'${name}'`);
  expect(stdout).toContain("'oa.token.source': 'obtained'");
});
