import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../scripts/packages.ts';
import { hasTest, testsNamedIn } from '../scripts/test-titles.ts';

/** The requirements of the checklist, each with the rest of its section. */
const requirements = readFileSync(join(root, 'docs/security-checklist.md'), 'utf8')
  .split(/^### /m)
  .slice(1)
  .map((section) => {
    const key = /^\w+/.exec(section)?.[0] ?? '';
    return { key, text: section, tests: testsNamedIn(section) };
  });

it('has a test for each requirement of the checklist, or says why there is none', () => {
  expect(requirements.length).toBeGreaterThan(50);
  const open = requirements.filter(({ text, tests }) => tests.length === 0 && !/^Not applicable: .{20}/m.test(text));
  expect(open.map(({ key }) => key)).toEqual([]);
});

it('has every test that the checklist names', () => {
  const missing = requirements.flatMap(({ key, tests }) =>
    tests.filter((test) => !hasTest(test)).map(({ file, title }) => `${key}: ${file}: ${title}`),
  );
  expect(missing).toEqual([]);
});

it('names an RFC section with a link, or a reason, for each requirement of the checklist', () => {
  const without = requirements.filter(({ text }) => !/\]\(https:\/\/|no specification asks for it/.test(text));
  expect(without.map(({ key }) => key)).toEqual([]);
});
