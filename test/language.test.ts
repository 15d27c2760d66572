// Checks the words and names of the repository. docs/decisions/020-language-guard.md says why.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../scripts/packages.ts';

const PATHS = [
  'packages',
  'bench',
  'examples',
  'docs',
  'internal',
  'scripts',
  'test',
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
];
const GUARD = 'test/language.test.ts';

/** Patterns that no line may match, with what to write instead. */
const WORDS: [RegExp, string][] = [
  [
    /\b(?:nobody|somebody|everybody|anybody|whoever)\b/i,
    'name the subject: the user, the caller, another process, the server operator',
  ],
  [/\bunless said otherwise\b/i, 'use @default'],
  [/\b(?:has|have) to be\b/i, 'write "must be"'],
  // At the start of a comment, of a text or of a sentence. A question is no statement.
  [/(?:^|[/*#>|-] |['"`(]|[.:;!?] )Who [a-z'’]+\b(?![^.]*\?)/, 'start with the subject: "Callers that ..."'],
];

const VAGUE_CONSTANT = /\bconst ((?:MOST|LONGEST|LARGEST|SHORTEST|LEAST|EARLIEST|LATEST)(?:_\w+)?)\b/;
const NUMERIC_CONSTANT =
  /^(?:export )?const ([A-Z][A-Z\d_]*)(?:: number)? = (-?[\d(][\w\s.*+/()-]*|[A-Z\d_]+ [*+/-][\w\s.*+/()-]*);/;
const UNIT = /(?:_MS|_SECONDS|_BYTES|_CHARACTERS|_CODE|_VERSION|_RATIO|_FACTOR|S)$/;
const DECLARATION = /^(?:export )?(?:async )?(?:function\*?|interface|type|const) (\w+)/;

const files = execFileSync('git', ['ls-files', '--', ...PATHS], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((path) => /\.(?:ts|js|mjs|cjs|html|md|json|ya?ml|sh)$/.test(path))
  .filter((path) => path !== GUARD && basename(path) !== 'CHANGELOG.md')
  .map((path) => ({ path, lines: readFileSync(join(root, path), 'utf8').split('\n') }));
const sources = files.filter(({ path }) => path.endsWith('.ts'));
const tests = sources.filter(({ path }) => /\/test\/|^test\//.test(path));

/** `path:line: what` for each line in which `find` finds something. */
function findings(among: typeof files, find: (line: string) => string | undefined): string[] {
  return among.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) => {
      const found = find(line);
      return found === undefined ? [] : `${path}:${index + 1}: ${found}`;
    }),
  );
}

it('no file uses an indefinite person or another phrase that readers stumble over', () => {
  expect(files.length).toBeGreaterThan(100);
  expect(
    findings(files, (line) => {
      const [pattern, advice] = WORDS.find(([one]) => one.test(line)) ?? [];
      return pattern && `${line.trim()} (${advice})`;
    }),
  ).toEqual([]);
});

it('no constant is named after a superlative', () => {
  expect(findings(sources, (line) => VAGUE_CONSTANT.exec(line)?.[1])).toEqual([]);
});

it('the name of every numeric constant ends in its unit or in what it counts', () => {
  const numeric = sources.flatMap(({ lines }) => lines).filter((line) => NUMERIC_CONSTANT.test(line));
  expect(numeric.length).toBeGreaterThan(20);
  expect(
    findings(sources, (line) => {
      const name = NUMERIC_CONSTANT.exec(line)?.[1];
      return name !== undefined && !UNIT.test(name) ? name : undefined;
    }),
  ).toEqual([]);
});

it('no name is declared twice in the sources of the packages', () => {
  const places = new Map<string, string[]>();
  for (const { path, lines } of sources.filter((one) => /^packages\/[^/]+\/src\//.test(one.path)))
    for (const line of lines) {
      const name = DECLARATION.exec(line)?.[1];
      // The overloads of a function stand in one file.
      if (name !== undefined && !places.get(name)?.includes(path))
        places.set(name, [...(places.get(name) ?? []), path]);
    }
  const twice = [...places].filter(([, paths]) => paths.length > 1);
  expect(twice.map(([name, paths]) => `${name}: ${paths.join(', ')}`).toSorted()).toEqual([]);
});

it('every test is an `it`', () => {
  expect(findings(tests, (line) => /^\s*test(?:\.\w+)*\(|\bimport\b.*\btest\b.*'vitest'/.exec(line)?.[0])).toEqual([]);
});

it('no test title starts with a key of the checklist, which docs/security-checklist.md maps to titles', () => {
  expect(findings(tests, (line) => /['"`][A-H]\d{1,2}(?:[,/] ?[A-H]\d{1,2})*: .*/.exec(line)?.[0])).toEqual([]);
});
