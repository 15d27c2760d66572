import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { startProcess } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { countsText, exitCode, renderTable } from '../scripts/demo-table.ts';
import { root } from '../scripts/packages.ts';

it('succeeds, with every count as expected', async () => {
  const env = { ...process.env, NO_COLOR: '1' };
  const { code, stdout, stderr } = await startProcess(join(root, 'scripts/demo.ts'), { env }).ended;
  const table = stdout.slice(stdout.indexOf('\nstep '));
  expect({ code, stderr, table, right: table.match(/ {2}yes$/gm)?.length }).toEqual({
    code: 0,
    stderr: '',
    table: expect.not.stringMatching(/ {2}NO$/m),
    right: 7,
  });
  expect(stdout).toContain('an agent fills in the login and consent forms');
});

const right = { step: 'a step', expected: '1 token', measured: '1 token' };

it('fails if a count is wrong or a step is missing', () => {
  expect(exitCode([right, right], 2)).toBe(0);
  expect(exitCode([right, { ...right, measured: '2 token' }], 2)).toBe(1);
  expect(exitCode([right], 2)).toBe(1);
});

it('marks the wrong count in the table', () => {
  const table = renderTable([right, { ...right, step: 'another step', measured: '20 token' }]);
  expect(stripVTControlCharacters(table).split('\n')).toEqual([
    'step          expected  measured  ok',
    '─────────────────────────────────────',
    'a step        1 token   1 token   yes',
    'another step  1 token   20 token  NO',
  ]);
});

it('leaves zeros out of the counts', () => {
  expect(countsText({ metadata: 1, token: 0, API: 20 })).toBe('1 metadata, 20 API');
  expect(countsText({ token: 0 })).toBe('no request');
});
