import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../scripts/packages.ts';
import { hasTest, testsNamedIn } from '../scripts/test-titles.ts';

const page = readFileSync(join(root, 'docs/mcp.md'), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| ') && !/^\| (rule|-+) /.test(line));

it('names a test for each rule of MCP for clients', () => {
  expect(rows.length).toBeGreaterThan(40);
  expect(rows.filter((row) => testsNamedIn(row).length === 0)).toEqual([]);
});

it('names a test after every link to a file in a row', () => {
  const linked = (row: string): number => row.split('](../').length - 1;
  expect(rows.filter((row) => linked(row) !== testsNamedIn(row).length)).toEqual([]);
});

it('has every test that docs/mcp.md names', () => {
  const missing = testsNamedIn(page).filter((test) => !hasTest(test));
  expect(missing).toEqual([]);
});
