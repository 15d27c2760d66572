import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Expression } from 'oxc-parser';
import { readModule, visit } from './declarations.ts';
import { root } from './packages.ts';

/** A test or a group that a document names. */
export interface NamedTest {
  file: string;
  title: string;
}

/** The tests that a document in `docs` names, each as a link to its file and its title in backticks. */
export function testsNamedIn(text: string): NamedTest[] {
  const named = text.matchAll(/\[[^\]]*\]\(\.\.\/([^)]*\.test\.ts)\): (`+) ?(.*?) ?\2/g);
  return [...named].map(([, file = '', , title = '']) => ({ file, title }));
}

/** Whether the test or group exists. */
export function hasTest({ file, title }: NamedTest): boolean {
  return titlesIn(file).has(title);
}

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
