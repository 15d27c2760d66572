import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { publicDeclarations } from '../scripts/declarations.ts';
import { entryPoints, packages, root } from '../scripts/packages.ts';

const readmes = [root, ...packages.map(({ folder }) => folder)].map((folder) => join(folder, 'README.md'));

function codeBlocks(text: string): string[] {
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
}

/** The exports of each entry point of a package. */
function namesOf(folder: string): string[][] {
  return entryPoints
    .filter((one) => one.folder === folder)
    .map(({ source }) => publicDeclarations(source).map(({ name }) => name));
}

/** The libraries that a program uses beside a package, such as a client of its engine: its tests use them too. */
function testLibraries(): Record<string, string[]> {
  const libraries: [string, string[]][] = [];
  for (const { folder, manifest } of packages)
    for (const name of Object.keys(manifest.devDependencies ?? {})) {
      const library = join(folder, 'node_modules', name);
      const { types } = JSON.parse(readFileSync(join(library, 'package.json'), 'utf8')) as { types?: string };
      if (!name.startsWith('@') && types !== undefined) libraries.push([name, [join(library, types)]]);
    }
  return Object.fromEntries(libraries);
}

it('type-checks every code block of every README', () => {
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
        paths: {
          ...testLibraries(),
          ...Object.fromEntries(entryPoints.map(({ specifier, source }) => [specifier, [source]])),
        },
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

  it('has the exports of the package as the API headings of its README', () => {
    const api = /^## API\n([\s\S]*?)(?=^## )/m.exec(readme)?.[1] ?? '';
    const headings = [...api.matchAll(/^### `(\w+)`$/gm)].map((match) => match[1]);
    const names = namesOf(folder).flat();
    expect(new Set(headings)).toEqual(new Set(names));
    expect(headings).toHaveLength(new Set(names).size);
  });

  it('has about ten exports in each entry point, or says in its README why it has more names', () => {
    const isExplained = /\bnames\b[^.]*\bbecause\b/.test(readme);
    const tooMany = namesOf(folder).filter((names) => names.length > 12 && !isExplained);
    expect(tooMany).toEqual([]);
  });

  it('shows code on the first screen of its README, and says how to install', () => {
    expect(readme.startsWith(`# ${manifest.name}\n`)).toBe(true);
    expect(readme.split('\n').slice(0, 15).join('\n')).toContain('```ts');
    expect(readme).toContain(`npm install ${manifest.name}`);
  });
});

it('has up-to-date family tables', () => {
  expect(() =>
    execFileSync(process.execPath, [join(root, 'scripts/family.ts'), '--check'], { encoding: 'utf8' }),
  ).not.toThrow();
});
