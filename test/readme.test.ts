import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packages, root } from '../scripts/packages.ts';

const readmes = [root, ...packages.map(({ folder }) => folder)].map((folder) => join(folder, 'README.md'));
const sources = packages.flatMap(({ folder, manifest }) =>
  Object.entries(manifest.exports).flatMap(([subpath, target]) =>
    typeof target === 'string'
      ? []
      : [{ folder, specifier: manifest.name + subpath.slice(1), file: join(folder, target['@oa/source']) }],
  ),
);

function codeBlocks(text: string): string[] {
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
}

/** The names that an entry point hands out, values and types. */
function exportedNames(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap((match) => (match[1] ?? '').split(','));
  const declared = [
    ...text.matchAll(/^export (?:declare )?(?:async )?(?:function\*?|const|class|interface|type) (\w+)/gm),
  ].map((match) => match[1] ?? '');
  return [
    ...lists.map((name) =>
      name
        .trim()
        .replace(/^type /, '')
        .replace(/^.* as /, ''),
    ),
    ...declared,
  ].filter((name) => name !== '');
}

test('every code block of every README type-checks', () => {
  const folder = join(root, 'node_modules', '.readme-blocks');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  let count = 0;
  for (const readme of readmes) {
    for (const [index, block] of codeBlocks(readFileSync(readme, 'utf8')).entries()) {
      const name = readme.slice(root.length + 1, -'/README.md'.length).replaceAll('/', '-') || 'root';
      writeFileSync(join(folder, `${name}-${index}.ts`), block);
      count += 1;
    }
  }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../tsconfig.json',
      compilerOptions: {
        noUnusedLocals: false,
        customConditions: ['@oa/source'],
        paths: Object.fromEntries(sources.map(({ specifier, file }) => [specifier, [file]])),
      },
      include: ['*.ts'],
      exclude: [],
    }),
  );
  expect(count).toBeGreaterThan(packages.length);
  const { stdout, status } = spawnSync('tsc', ['-p', folder], { encoding: 'utf8', cwd: root });
  expect(stdout).toBe('');
  expect(status).toBe(0);
});

describe.each(packages)('$manifest.name', ({ folder, manifest }) => {
  const readme = existsSync(join(folder, 'README.md')) ? readFileSync(join(folder, 'README.md'), 'utf8') : '';

  test('the API headings of the README are the exports of the package', () => {
    const api = /^## API\n([\s\S]*?)(?=^## )/m.exec(readme)?.[1] ?? '';
    const headings = [...api.matchAll(/^### `(\w+)`$/gm)].map((match) => match[1]);
    const names = sources.filter((source) => source.folder === folder).flatMap(({ file }) => exportedNames(file));
    expect(new Set(headings)).toEqual(new Set(names));
    expect(headings).toHaveLength(new Set(names).size);
  });

  test('the README shows code on its first screen, and says how to install', () => {
    expect(readme.startsWith(`# ${manifest.name}\n`)).toBe(true);
    expect(readme.split('\n').slice(0, 15).join('\n')).toContain('```ts');
    expect(readme).toContain(`npm install ${manifest.name}`);
  });
});

test('the family tables are up to date', () => {
  expect(() =>
    execFileSync(process.execPath, [join(root, 'scripts/family.ts'), '--check'], { encoding: 'utf8' }),
  ).not.toThrow();
});
