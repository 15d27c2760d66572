import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { neededPackages } from '../scripts/needed-packages.ts';
import { entryPoints, packages, root } from '../scripts/packages.ts';

/** Holds the packed packages, and the projects into which they are installed with npm, as a user would. */
const directory = mkdtempSync(join(tmpdir(), 'oa-packed-'));
const tarballs = join(directory, 'tarballs');
const project = join(directory, 'project');
const specifiers = entryPoints.map(({ specifier }) => specifier);

beforeAll(() => {
  mkdirSync(tarballs);
  execFileSync('pnpm', ['run', 'build'], { cwd: root, stdio: 'pipe' });
  for (const { folder } of packages) {
    execFileSync('pnpm', ['pack', '--pack-destination', tarballs], { cwd: folder, stdio: 'pipe' });
  }
  install(
    project,
    packages.map(({ manifest }) => manifest.name),
  );
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Makes an empty project and installs the tarballs of the named packages. */
function install(folder: string, names: readonly string[]): void {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true }));
  const files = packages
    .filter(({ manifest }) => names.includes(manifest.name))
    .map(({ manifest: { name, version } }) => `${name.replace('@', '').replace('/', '-')}-${version}.tgz`);
  const args = ['install', '--no-audit', '--no-fund', ...files.map((file) => join(tarballs, file))];
  execFileSync('npm', args, { cwd: folder, stdio: 'pipe' });
}

function run(name: string, code: string): string {
  writeFileSync(join(project, name), code);
  return execFileSync(process.execPath, [name], { cwd: project, encoding: 'utf8' });
}

it('creates PKCE from the packed package with import and with require', () => {
  const use =
    'createPkce().then((pkce) => console.log(pkce.code_verifier.length, pkce.code_challenge.length, pkce.code_challenge_method));';
  expect(run('pkce.mjs', `import { createPkce } from '@oa/pkce'; ${use}`)).toBe('43 43 S256\n');
  expect(run('pkce.cjs', `const { createPkce } = require('@oa/pkce'); ${use}`)).toBe('43 43 S256\n');
});

it('loads no node: module, no ky, no open and no valibot when @oa/pkce is imported', () => {
  const loaded = run(
    'loaded.mjs',
    `import { registerHooks } from 'node:module';
     const seen = [];
     registerHooks({ resolve(specifier, context, next) { const found = next(specifier, context); seen.push(found.url); return found; } });
     await import('@oa/pkce');
     console.log(JSON.stringify(seen));`,
  );
  const urls = JSON.parse(loaded) as string[];
  expect(urls.length).toBeGreaterThan(0);
  expect(urls.filter((url) => /^node:|\/node_modules\/(?!@oa\/)/.test(url))).toEqual([]);
});

it('installs @oa/pkce without open', () => {
  const folder = join(directory, 'pkce-only');
  const needed = neededPackages(['@oa/pkce']).map(({ manifest }) => manifest.name);
  install(folder, needed);
  const siblings = readdirSync(join(folder, 'node_modules/@oa')).map((name) => `@oa/${name}`);
  expect(new Set(siblings)).toEqual(new Set(needed));
  expect(readdirSync(join(folder, 'node_modules'))).not.toContain('open');
});

it('type-checks in a strict project that checks libraries too, with both module resolutions', () => {
  const all = specifiers.map((specifier, index) => `export * as m${index} from '${specifier}';`);
  writeFileSync(join(project, 'all.mts'), all.join('\n'));
  const strict = ['--ignoreConfig', '--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false'];
  // Node.js projects install these types. TypeScript 7 loads them only where something asks for them.
  const types = ['--typeRoots', join(root, 'node_modules', '@types')];
  for (const module of [['nodenext'], ['esnext', '--moduleResolution', 'bundler']]) {
    const args = [...strict, ...types, '--target', 'es2022', '--module', ...module, 'all.mts'];
    expect(spawnSync('tsc', args, { cwd: project, encoding: 'utf8' })).toMatchObject({ stdout: '', status: 0 });
  }
});

it.each(specifiers)('imports and requires %s from the packed package', (specifier) => {
  const imported = run('import.mjs', `import * as m from '${specifier}'; console.log(Object.keys(m).length);`);
  const required = run(
    'require.cjs',
    `console.log(Object.keys(require('${specifier}')).filter((name) => name !== '__esModule').length);`,
  );
  expect(Number(imported)).toBeGreaterThan(0);
  expect(required).toBe(imported);
});
