import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { exposedPackages, findMissingBreaks, readChangesets } from '../scripts/semver.ts';

const releases = [
  { name: '@oa/manager', version: '2.0.0', exposes: new Set(['@oa/fetch']) },
  { name: '@oa/types', version: '1.2.0', exposes: new Set<string>() },
  { name: '@oa/fetch', version: '1.0.3', exposes: new Set(['@oa/types']) },
  { name: '@oa/private-file', version: '1.0.0', exposes: new Set<string>() },
];

function changeset(...bumps: string[]): string {
  return `---\n${bumps.join('\n')}\n---\n\nA change.\n`;
}

it('asks for a major of each package whose signatures name a broken sibling, and of those that name that one', () => {
  expect(findMissingBreaks(releases, [changeset('"@oa/types": major'), changeset('"@oa/fetch": minor')])).toEqual([
    '@oa/fetch: its public signatures name types of @oa/types, which gets a breaking release. Add "@oa/fetch": major to a changeset.',
    '@oa/manager: its public signatures name types of @oa/fetch, which gets a breaking release. Add "@oa/manager": major to a changeset.',
  ]);
});

it('reports nothing when the siblings get their major, in one changeset or in several', () => {
  const together = changeset('"@oa/types": major', '"@oa/fetch": major', "'@oa/manager': major");
  expect(findMissingBreaks(releases, [together])).toEqual([]);
  const apart = [
    together.replace('"@oa/fetch": major\n', ''),
    changeset('"@oa/fetch": major'),
    changeset('"@oa/fetch": patch'),
  ];
  expect(findMissingBreaks(releases, apart)).toEqual([]);
});

it('reports nothing when no package breaks, or when no signature names the one that does', () => {
  expect(findMissingBreaks(releases, [])).toEqual([]);
  expect(findMissingBreaks(releases, [changeset('"@oa/types": minor')])).toEqual([]);
  expect(findMissingBreaks(releases, [changeset('"@oa/private-file": major')])).toEqual([]);
});

it('takes a minor of a version 0.x for a breaking release', () => {
  const initial = releases.map(({ name, exposes }) => ({ name, exposes, version: '0.3.0' }));
  expect(findMissingBreaks(initial, [changeset('"@oa/types": minor', '"@oa/manager": minor')])).toEqual([
    expect.stringContaining('Add "@oa/fetch": minor to a changeset.'),
  ]);
  expect(findMissingBreaks(initial, [changeset('"@oa/types": patch')])).toEqual([]);
});

it('reads the changesets of a directory, but not its README', () => {
  const directory = plant({ 'a.md': changeset('"@oa/types": major'), 'README.md': 'Changesets', 'config.json': '{}' });
  expect(readChangesets(directory)).toEqual([changeset('"@oa/types": major')]);
});

it('finds the siblings whose types public signatures name, through files and type names of their own', () => {
  const directory = plant({
    'index.d.ts': `export { first } from './first.ts';
      export type { Passed } from '@oa/fetch';
      export declare function last(wait: import('@oa/http').Wait): void;`,
    'first.d.ts': `import type { Token } from '@oa/types';
      import type { Unused } from '@oa/discovery';
      import type { Options } from './options.ts';
      export declare function first(options: Options): Token;
      export declare function internal(unused: Unused): void;`,
    'options.d.ts': `import type { Key } from '@oa/token-cache/key';
      export interface Options extends Named { key: Key }
      interface Named { name: string; self?: Named }`,
  });
  expect(exposedPackages(join(directory, 'index.d.ts'))).toEqual(
    new Set(['@oa/fetch', '@oa/http', '@oa/types', '@oa/token-cache']),
  );
});

function plant(files: Record<string, string>): string {
  const directory = mkdtempSync(join(tmpdir(), 'oa-semver-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}
