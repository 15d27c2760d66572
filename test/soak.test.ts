import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ENCRYPTION_VARIABLE } from '../internal/scenarios/src/index.ts';
import { expect, it } from 'vitest';
import { root } from '../scripts/packages.ts';

it('a short soak with encrypted tokens loses nothing, and no file has a plain token in it', () => {
  const env = { ...process.env, OA_SOAK_SECONDS: '15', [ENCRYPTION_VARIABLE]: '1' };
  const soak = ['--conditions=@oa/source', join(root, 'scripts/soak.ts')];
  const { status, stdout, stderr } = spawnSync(process.execPath, soak, { env, encoding: 'utf8' });
  expect({ status, stderr, violations: stdout.slice(stdout.indexOf('  violations')) }).toEqual({
    status: 0,
    stderr: '',
    violations: '  violations\n',
  });
  expect(stdout).toMatch(/\d+ {2}kills\n/);
  expect(Number(/(\d+) {2}scans for a plain token/.exec(stdout)?.[1])).toBeGreaterThan(0);
  expect(Number(/(\d+) {2}tokens handed out/.exec(stdout)?.[1])).toBeGreaterThan(0);
});
