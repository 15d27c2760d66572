import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { runProgram } from '@oa-internal/authorization-server/program';
import { expect, test } from 'vitest';
import { counts, exitCode, renderTable } from '../scripts/demo-table.ts';
import { root } from '../scripts/packages.ts';

test('the demo runs through, and every count is right', { timeout: 60_000 }, async () => {
  const { status, stdout, stderr } = await runProgram(join(root, 'scripts/demo.ts'), [], { NO_COLOR: '1' });
  const table = stdout.slice(stdout.indexOf('\nstep '));
  expect({ status, stderr, table, right: table.match(/ {2}yes$/gm)?.length }).toEqual({
    status: 0,
    stderr: '',
    table: expect.not.stringMatching(/ {2}NO$/m),
    right: 7,
  });
  expect(stdout).toContain('an agent fills in the login and consent forms');
});

const right = { step: 'a step', expected: '1 token', measured: '1 token' };

test('a count that is off, or a step that is missing, makes the demo fail', () => {
  expect(exitCode([right, right], 2)).toBe(0);
  expect(exitCode([right, { ...right, measured: '2 token' }], 2)).toBe(1);
  expect(exitCode([right], 2)).toBe(1);
});

test('the table shows which one', () => {
  const table = renderTable([right, { ...right, step: 'another step', measured: '20 token' }]);
  expect(stripVTControlCharacters(table).split('\n')).toEqual([
    'step          expected  measured  ok',
    '─────────────────────────────────────',
    'a step        1 token   1 token   yes',
    'another step  1 token   20 token  NO',
  ]);
});

test('what did not happen is not in a count', () => {
  expect(counts({ metadata: 1, token: 0, API: 20 })).toBe('1 metadata, 20 API');
  expect(counts({ token: 0 })).toBe('no request');
});
