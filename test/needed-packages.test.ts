import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { neededPackages } from '../scripts/needed-packages.ts';
import { packages, root } from '../scripts/packages.ts';

const namesOf = (found: typeof packages): string[] => found.map(({ manifest }) => manifest.name);

it.each(namesOf(packages))('finds every package that %s needs, and no other', (name) => {
  const needed = neededPackages([name]);
  const dependencies = needed.flatMap(({ manifest }) => Object.keys(manifest.dependencies ?? {}));
  const family = dependencies.filter((dependency) => dependency.startsWith('@oa/'));
  expect(namesOf(needed)[0]).toBe(name);
  expect(new Set(namesOf(needed))).toEqual(new Set([name, ...family]));
  expect(needed).toHaveLength(new Set(needed).size);
});

it('refuses an unknown name', () => {
  expect(() => neededPackages(['@oa/unknown'])).toThrow('There is no package @oa/unknown.');
});

it('scripts/tarballs.ts says in one line that there is no such package', () => {
  const args = [join(root, 'scripts/tarballs.ts'), 'manager'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^There is no package manager\. The packages are .*\.\n$/);
});

it('scripts/tarballs.ts prints a command that installs a package into an empty project', () => {
  const project = temporaryDirectory();
  try {
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true }));
    const command = execFileSync(process.execPath, [join(root, 'scripts/tarballs.ts'), '@oa/fetch'], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
    execFileSync('sh', ['-c', command], { cwd: project, stdio: 'pipe' });
    const program = "import { createFetch } from '@oa/fetch'; console.log(typeof createFetch);";
    const args = ['--input-type=module', '--eval', program];
    expect(execFileSync(process.execPath, args, { cwd: project, encoding: 'utf8' })).toBe('function\n');
  } finally {
    rmSync(project, { recursive: true });
  }
});
