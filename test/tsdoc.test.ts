import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { publicDeclarations } from '../scripts/declarations.ts';
import { entryPoints, packages, root } from '../scripts/packages.ts';
import { readErrors } from '../scripts/reference.ts';
import { findDocProblems } from '../scripts/tsdoc.ts';

const codes = new Set(readErrors().map(({ code }) => code));

it('every public declaration of every package is documented in the one form', () => {
  const declarations = entryPoints.flatMap(({ source }) => publicDeclarations(source));
  expect(declarations.length).toBeGreaterThan(80);
  const problems = declarations.flatMap((one) => findDocProblems(one, codes)).map((one) => relative(root, one));
  expect(problems.toSorted()).toEqual([]);
});

it('a function that the first screen of each README imports has an @example', () => {
  const without = packages.flatMap(({ folder, manifest }) => {
    const readme = join(folder, 'README.md');
    const [, block = ''] =
      /^```ts\n([\s\S]*?)^```$/m.exec(existsSync(readme) ? readFileSync(readme, 'utf8') : '') ?? [];
    const declarations = entryPoints
      .filter((one) => one.folder === folder)
      .flatMap(({ source }) => publicDeclarations(source));
    const shown = declarations.filter(({ name }) => new RegExp(String.raw`^import .*\b${name}\b`, 'm').test(block));
    return shown.some(({ doc }) => doc?.tags.some(({ name }) => name === 'example')) ? [] : manifest.name;
  });
  expect(without).toEqual([]);
});

it.each([
  ['export function f(): Promise<void> { return g(); }', 'f has no documentation comment.'],
  ['/** Does it. */\nexport function f(): Promise<void> { return g(); }', 'f can reject or throw, but has no @throws.'],
  [
    '/** Does it. */\nexport function f(): void { throw new TypeError(); }',
    'f can reject or throw, but has no @throws.',
  ],
  ['/** Does it. */\nexport function f(): void { assertIt(); }', 'f can reject or throw, but has no @throws.'],
  [
    '/**\n * Does it.\n * @throws {OAuthError} if it fails\n */\nexport async function f(): Promise<void> {}',
    'f: @throws {OAuthError} if it fails starts with no code in backticks.',
  ],
  [
    '/**\n * Does it.\n * @throws {OAuthError} `timeout`, `time_out`\n */\nexport async function f(): Promise<void> {}',
    'f: @throws names time_out, no code of OAuthErrorCode.',
  ],
  [
    '/**\n * Does it.\n * @throws {TypeError} if a is missing\n */\nexport async function f(): Promise<void> { g(); }\nfunction g() { throw new OAuthError(); }',
    'f can reject with an OAuthError, but names no code with @throws {OAuthError}.',
  ],
  [
    '/**\n * Does it.\n * @throws {RangeError} if a is too large\n */\nexport function f(): void {}',
    'f: @throws {RangeError} if a is too large must name OAuthError, TypeError or Error, and say when.',
  ],
  ['/** Does it.\n * @see RFC 6749\n */\nexport function f(): void {}', 'f: @see RFC 6749 is no URL.'],
  ['/** Does it.\n * @param b this\n */\nexport function f(a: string): void {}', 'f: @param b is no parameter.'],
  ['/** Waits. */\nexport function f(pause: number): void {}', 'f takes or returns a number without a unit.'],
  ['/** What. */\nexport interface I { /** Wait. */ pause?: number }', 'I.pause is a number without a unit.'],
  [
    '/** What. */\nexport interface I { /** Wait.\n * @default 60_000\n */ pause?: string }',
    'I.pause: @default 60_000 has no unit.',
  ],
  [
    '/** What. */\nexport interface I { /** Gets. */ get(): Promise<string> }',
    'I.get can reject or throw, but has no @throws.',
  ],
])('finds the fault in %j', (source, problem) => {
  expect(problemsIn(source)).toEqual([expect.stringContaining(problem)]);
});

it.each([
  '/** Does it. Never rejects. */\nexport async function f(): Promise<void> { g(); }',
  '/**\n * Does it.\n *\n * @param a this\n * @throws {OAuthError} `timeout`\n * @throws {TypeError} if a is missing\n * @see https://www.rfc-editor.org/rfc/rfc6749#section-6\n */\nexport function f(a: string): Promise<void> { throw g(a); }',
  '/** What. */\nexport interface I { /** Milliseconds to wait.\n * @default 60_000\n */ pause?: number }',
  '/** Makes it. */\nexport function f(): () => void { return () => { throw new OAuthError(); }; }',
])('finds no fault in %j', (source) => {
  expect(problemsIn(source)).toEqual([]);
});

function problemsIn(source: string): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'oa-tsdoc-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'source.ts');
  writeFileSync(path, source);
  return publicDeclarations(path).flatMap((one) => findDocProblems(one, codes));
}
