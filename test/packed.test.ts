import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packages, root } from '../scripts/packages.ts';

/** An empty project into which the packed packages were installed with npm, as a user would. */
const project = mkdtempSync(join(tmpdir(), 'oa-packed-'));

/** Every entry point. */
const specifiers = packages.flatMap(({ manifest }) =>
  Object.keys(manifest.exports)
    .filter((path) => path !== './package.json')
    .map((path) => manifest.name + path.slice(1)),
);

beforeAll(() => {
  const tarballs = join(project, 'tarballs');
  mkdirSync(tarballs);
  execFileSync('pnpm', ['run', 'build'], { cwd: root, stdio: 'pipe' });
  for (const { folder } of packages) {
    execFileSync('pnpm', ['pack', '--pack-destination', tarballs], { cwd: folder, stdio: 'pipe' });
  }
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true }));
  const files = readdirSync(tarballs).map((name) => join(tarballs, name));
  execFileSync('npm', ['install', '--no-audit', '--no-fund', ...files], { cwd: project, stdio: 'pipe' });
}, 120_000);
afterAll(() => rmSync(project, { recursive: true }));

function run(name: string, code: string): string {
  writeFileSync(join(project, name), code);
  return execFileSync(process.execPath, [name], { cwd: project, encoding: 'utf8' });
}

test('createPkce works from the packed package with import and with require', () => {
  const use =
    'createPkce().then((pkce) => console.log(pkce.code_verifier.length, pkce.code_challenge.length, pkce.code_challenge_method));';
  expect(run('pkce.mjs', `import { createPkce } from '@oa/pkce'; ${use}`)).toBe('43 43 S256\n');
  expect(run('pkce.cjs', `const { createPkce } = require('@oa/pkce'); ${use}`)).toBe('43 43 S256\n');
});

test('importing @oa/pkce loads no node: module, no ky, no open, no valibot', () => {
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

test('the types hold in a strict project that checks libraries too, with both module resolutions', () => {
  const all = specifiers.map((specifier, index) => `export * as m${index} from '${specifier}';`);
  writeFileSync(join(project, 'all.mts'), all.join('\n'));
  const strict = ['--ignoreConfig', '--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false'];
  // As installed by everybody who writes for Node.js; TypeScript 7 loads it only where something asks for it.
  const types = ['--typeRoots', join(root, 'node_modules', '@types')];
  for (const module of [['nodenext'], ['esnext', '--moduleResolution', 'bundler']]) {
    const args = [...strict, ...types, '--target', 'es2022', '--module', ...module, 'all.mts'];
    expect(spawnSync('tsc', args, { cwd: project, encoding: 'utf8' })).toMatchObject({ stdout: '', status: 0 });
  }
});

test.each(specifiers)('%s can be imported and required from the packed package', (specifier) => {
  const imported = run('import.mjs', `import * as m from '${specifier}'; console.log(Object.keys(m).length);`);
  const required = run(
    'require.cjs',
    `console.log(Object.keys(require('${specifier}')).filter((name) => name !== '__esModule').length);`,
  );
  expect(Number(imported)).toBeGreaterThan(0);
  expect(required).toBe(imported);
});
