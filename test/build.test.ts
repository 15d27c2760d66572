import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModule } from '../scripts/declarations.ts';
import { entryPoints, packages, root } from '../scripts/packages.ts';

/** Relative imports of a built file: those that are loaded with it, and those that are loaded later. */
function importsOf(path: string): { static: string[]; lazy: string[] } {
  const { module } = readModule(path).parsed;
  const isOwn = (specifier: string): boolean => specifier.startsWith('./');
  return {
    static: [
      ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
      ...module.staticExports.flatMap(({ entries }) => entries.map((entry) => entry.moduleRequest?.value ?? '')),
    ].filter(isOwn),
    lazy: module.dynamicImports
      .map(({ moduleRequest }) => readModule(path).text.slice(moduleRequest.start + 1, moduleRequest.end - 1))
      .filter(isOwn),
  };
}

const folders = packages.map(({ folder }) => folder);

/** The built entry points of a package, as relative imports. */
function entriesOf(folder: string): string[] {
  return entryPoints.filter((entry) => entry.folder === folder).map(({ source }) => `./${basename(source, '.ts')}.js`);
}

describe('the built packages', () => {
  beforeAll(() => {
    execFileSync('pnpm', ['run', 'build'], { cwd: root, stdio: 'pipe' });
  });

  it.each(folders)('%s: an entry point loads no other file of its package', (folder) => {
    const loaded = entriesOf(folder).flatMap((entry) => importsOf(join(folder, 'dist', entry)).static);
    expect(loaded.filter((specifier) => !entriesOf(folder).includes(specifier))).toEqual([]);
  });

  it.each(folders)('%s: every other file is a lazy part, or what lazy parts share', (folder) => {
    // A file of an earlier build may still be there: turbo restores files, and removes none. Nothing loads it.
    const loaded = new Set(entriesOf(folder));
    const lazy = new Set<string>();
    for (const specifier of loaded) {
      const imports = importsOf(join(folder, 'dist', specifier));
      for (const found of [...imports.static, ...imports.lazy]) loaded.add(found);
      for (const found of imports.lazy) lazy.add(found);
    }
    const others = [...loaded].filter((specifier) => !entriesOf(folder).includes(specifier) && !lazy.has(specifier));
    expect(others.filter((specifier) => specifier !== './common.js')).toEqual([]);
  });
});

describe('scripts/build.ts', () => {
  const folder = temporaryDirectory();
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(['@oa-internal/testing', 'left-out'])(
    'refuses a package whose source imports %s, which no user has',
    (name) => {
      const exports = { '.': { '@oa/source': './src/index.ts' } };
      const devDependencies = { [name]: '1.0.0' };
      writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: '@oa/wrong', exports, devDependencies }));
      mkdirSync(join(folder, 'src'), { recursive: true });
      writeFileSync(
        join(folder, 'src/index.ts'),
        `import { anything } from '${name}';\nexport const used = anything;\n`,
      );
      const script = join(root, 'scripts/build.ts');
      const { status, stderr } = spawnSync(process.execPath, [script], { cwd: folder, encoding: 'utf8' });
      expect(status).toBe(1);
      expect(stderr).toContain(`@oa/wrong imports ${name}, which is not one of its dependencies.`);
    },
  );
});
