import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../scripts/packages.ts';
import { hasTest, testsNamedIn } from '../scripts/test-titles.ts';

const page = readFileSync(join(root, 'docs/field.md'), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| ') && !/^\| (kind|-+) /.test(line));

it('names a test for each kind of failure in the field', () => {
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.filter((row) => testsNamedIn(row).length === 0)).toEqual([]);
});

it('has every test that docs/field.md names', () => {
  const missing = testsNamedIn(page).filter((test) => !hasTest(test));
  expect(missing).toEqual([]);
});
