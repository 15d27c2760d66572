import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  startAuthorizationServer,
  startProtectedApi,
  type AuthorizationServerHandle,
  type ProtectedApi,
} from '@oa-internal/authorization-server';
import { agentEnvironment } from '@oa-internal/authorization-server/agent';
import { temporaryDirectory } from '@oa-internal/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { neededPackages } from '../scripts/needed-packages.ts';
import { packInto } from '../scripts/pack.ts';
import { entryPoints, packages, root } from '../scripts/packages.ts';
import { MAX_PACKAGE_BYTES, MAX_THIRD_PARTY_PACKAGES } from './sizes.ts';

/** Holds the packed packages, and the projects into which they are installed with npm, as a user would. */
const directory = temporaryDirectory();
const project = join(directory, 'project');
const specifiers = entryPoints.map(({ specifier }) => specifier);
const names = packages.map(({ folder }) => basename(folder));
/** The paths of the tarballs, by the names of their packages. */
let tarballs: Map<string, string>;

beforeAll(() => {
  execFileSync('pnpm', ['run', 'build'], { cwd: root, stdio: 'pipe' });
  tarballs = packInto(directory);
  install(project, [...tarballs.keys()]);
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Makes an empty project and installs the tarballs of the named packages. */
function install(folder: string, wanted: readonly string[]): void {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true }));
  const args = ['install', '--no-audit', '--no-fund', ...wanted.map((name) => tarballs.get(name) ?? name)];
  execFileSync('npm', args, { cwd: folder, stdio: 'pipe' });
}

/** The packages in a project that are not of the family. No package comes in two versions, so npm nests none. */
function thirdParties(folder: string): string[] {
  return readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.') && name !== '@oa');
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

it.each(Object.entries(MAX_THIRD_PARTY_PACKAGES))('installs %s with at most %i third-party packages', (name, most) => {
  const folder = join(directory, `alone-${basename(name)}`);
  const needed = neededPackages([name]).map(({ manifest }) => manifest.name);
  install(folder, needed);
  const siblings = readdirSync(join(folder, 'node_modules/@oa')).map((sibling) => `@oa/${sibling}`);
  expect(new Set(siblings)).toEqual(new Set(needed));
  const others = thirdParties(folder);
  expect(others).toContain('ky');
  expect(others.slice(most)).toEqual([]);
});

it('installs @oa/pkce without open', () => {
  expect(thirdParties(join(directory, 'alone-pkce')).toSorted()).toEqual(['ky', 'valibot']);
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

it.each(entryPoints)('imports and requires $specifier from the packed package', async ({ specifier, source }) => {
  const print = 'console.log(JSON.stringify(Object.keys(m)));';
  const imported = JSON.parse(run('import.mjs', `import * as m from '${specifier}'; ${print}`)) as string[];
  const required = JSON.parse(run('require.cjs', `const m = require('${specifier}'); ${print}`)) as string[];
  // An entry point also exports what its lazy parts need, under names of one or two letters.
  const names = Object.keys((await import(source)) as object);
  for (const found of [imported, required])
    expect(found.filter((name) => name.length > 2 && name !== '__esModule').toSorted()).toEqual(names.toSorted());
});

describe.each(names)('the tarball of @oa/%s', (name) => {
  const folder = join(project, 'node_modules/@oa', name);
  const files = (): string[] => readdirSync(folder, { encoding: 'utf8', recursive: true });

  it('has the built files and no source, source map, test or helper of the tests', () => {
    const others = files().filter(
      (file) => !/^(dist|dist\/[\w-]+(\.d\.ts|\.js)|package\.json|LICENSE(\.[\w-]+)?|README\.md)$/.test(file),
    );
    expect(others).toEqual([]);
    const built = join(folder, 'dist');
    expect(spawnSync('grep', ['-rl', '@oa-internal', built], { encoding: 'utf8' })).toMatchObject({ stdout: '' });
  });

  it('is not larger than its limit', () => {
    expect(statSync(tarballs.get(`@oa/${name}`) ?? '').size).toBeLessThanOrEqual(MAX_PACKAGE_BYTES[name]?.tarball ?? 0);
  });
});

describe('the packed packages against a real authorization server', () => {
  const programs = join(project, 'smoke');
  let server: AuthorizationServerHandle;
  let api: ProtectedApi;
  let env: NodeJS.ProcessEnv;
  beforeAll(async () => {
    cpSync(join(import.meta.dirname, 'smoke'), programs, { recursive: true });
    server = await startAuthorizationServer({ trusts: [] });
    api = await startProtectedApi(server);
    const metadata = await fetch(`${server.issuer}/.well-known/oauth-authorization-server`);
    env = {
      ...process.env,
      ...agentEnvironment(server.issuer),
      OA_SERVER: await metadata.text(),
      OA_CLIENT: JSON.stringify(server.confidential),
      OA_ID_TOKEN: await server.sign({ typ: 'JWT' }, { sub: 'ada', aud: server.confidential.client_id }),
      OA_USER_CLIENT: JSON.stringify(server.public),
      OA_API: api.url,
    };
  });
  afterAll(async () => {
    await api.close();
    await server.close();
  });

  it('has a program for each package', () => {
    expect(new Set(readdirSync(programs))).toEqual(new Set(['server.mjs', ...names.map((name) => `${name}.mjs`)]));
  });

  it.each(names)('@oa/%s does its main job', async (name) => {
    const home = join(directory, `home-${name}`);
    const child = spawn(process.execPath, [join(programs, `${name}.mjs`)], {
      cwd: project,
      env: { ...env, XDG_CACHE_HOME: join(home, 'cache'), XDG_CONFIG_HOME: join(home, 'config') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    for await (const line of createInterface(child.stdout)) {
      const [, what, url = ''] = /^(approve|log in) (.*)$/.exec(line) ?? [];
      await (what === 'approve' ? server.approveDevice(url) : server.logIn(url));
    }
    const code = child.exitCode ?? (await new Promise((resolve) => child.once('close', resolve)));
    expect({ code, errors: code === 0 ? '' : errors }).toEqual({ code: 0, errors: '' });
  });
});
