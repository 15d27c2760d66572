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

  /** Builds a package with this source. */
  function build(source: string): { status: number | null; stderr: string } {
    const manifest = { name: '@oa/wrong', exports: { '.': { '@oa/source': './src/index.ts' } } };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    mkdirSync(join(folder, 'src'), { recursive: true });
    writeFileSync(join(folder, 'src/index.ts'), source);
    return spawnSync(process.execPath, [join(root, 'scripts/build.ts')], { cwd: folder, encoding: 'utf8' });
  }

  it.each(['@oa-internal/testing', 'left-out'])('refuses a source that imports %s, which no user has', (name) => {
    const { status, stderr } = build(`import { anything } from '${name}';\nexport const used = anything;\n`);
    expect(status).toBe(1);
    expect(stderr).toContain(`@oa/wrong imports ${name}, which is not one of its dependencies.`);
  });

  it('refuses syntax that the oldest Node.js of `engines` does not know', () => {
    const { status, stderr } = build('export function close(file: Disposable): void {\n  using _ = file;\n}\n');
    expect(status).toBe(1);
    expect(stderr).toContain('@oa/wrong imports @oxc-project/runtime/helpers/usingCtx');
  });
});
