import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Expression } from 'oxc-parser';
import { expect, it } from 'vitest';
import { readModule, visit } from '../scripts/declarations.ts';
import { root } from '../scripts/packages.ts';

/** The requirements of the checklist, each with the rest of its section. */
const requirements = readFileSync(join(root, 'docs/security-checklist.md'), 'utf8')
  .split(/^### /m)
  .slice(1)
  .map((section) => {
    const key = /^\w+/.exec(section)?.[0] ?? '';
    const tests = [...section.matchAll(/^- \[.*?\]\(\.\.\/(.*?)\): (`+) ?(.*?) ?\2$/gm)];
    return { key, text: section, tests: tests.map(([, file = '', , title = '']) => ({ file, title })) };
  });

it('has a test for each requirement of the checklist, or says why there is none', () => {
  expect(requirements.length).toBeGreaterThan(50);
  const open = requirements.filter(({ text, tests }) => tests.length === 0 && !/^Not applicable: .{20}/m.test(text));
  expect(open.map(({ key }) => key)).toEqual([]);
});

it('has every test that the checklist names', () => {
  const missing = requirements.flatMap(({ key, tests }) =>
    tests.filter(({ file, title }) => !titlesIn(file).has(title)).map(({ file, title }) => `${key}: ${file}: ${title}`),
  );
  expect(missing).toEqual([]);
});

it('names an RFC section with a link, or a reason, for each requirement of the checklist', () => {
  const without = requirements.filter(({ text }) => !/\]\(https:\/\/|no specification asks for it/.test(text));
  expect(without.map(({ key }) => key)).toEqual([]);
});

const titles = new Map<string, ReadonlySet<string>>();

/** The titles of the tests and groups in a file, as they are written there. */
function titlesIn(file: string): ReadonlySet<string> {
  const known = titles.get(file);
  if (known !== undefined) return known;
  const found = new Set<string>();
  const path = join(root, file);
  if (existsSync(path))
    visit(readModule(path).parsed.program, {
      CallExpression({ callee, arguments: [title] }) {
        if (title === undefined || title.type === 'SpreadElement' || !isTestFunction(callee)) return;
        const text = textOf(title);
        if (text !== undefined) found.add(text);
      },
    });
  titles.set(file, found);
  return found;
}

/** Whether a call such as `it(`, `it.each([])(` or `describe.skipIf(x)(` makes a test or a group. */
function isTestFunction(callee: Expression): boolean {
  if (callee.type === 'Identifier') return ['it', 'describe'].includes(callee.name);
  if (callee.type === 'CallExpression') return isTestFunction(callee.callee);
  return callee.type === 'MemberExpression' && isTestFunction(callee.object);
}

function textOf(title: Expression): string | undefined {
  if (title.type === 'Literal' && typeof title.value === 'string') return title.value;
  if (title.type !== 'TemplateLiteral' || title.expressions.length > 0) return undefined;
  return title.quasis[0]?.value.cooked ?? undefined;
}
