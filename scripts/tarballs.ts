// Builds and packs packages together with the packages that they need: `pnpm tarballs @oa/fetch`, or all packages without a name.
// Prints the `npm install` command for a project that uses them before a release.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { neededPackages } from './needed-packages.ts';
import { packInto } from './pack.ts';
import { packages, root } from './packages.ts';

const names = process.argv.length > 2 ? process.argv.slice(2) : packages.map(({ manifest }) => manifest.name);
const needed = findNeeded();

// The output of the build goes to stderr, so that stdout has the command only.
const build = [
  'exec',
  'turbo',
  'run',
  'build',
  '--output-logs=errors-only',
  ...names.map((name) => `--filter=${name}`),
];
const { status } = spawnSync('pnpm', build, { cwd: root, stdio: ['ignore', process.stderr, process.stderr] });
if (status !== 0) process.exit(status ?? 1);

const directory = join(root, 'tarballs');
// Not emptied: a project may have been installed from earlier tarballs.
mkdirSync(directory, { recursive: true });

console.log(['npm install', ...packInto(directory, needed).values()].join(' \\\n  '));

/** A wrong name needs no stack trace. */
function findNeeded(): ReturnType<typeof neededPackages> {
  try {
    return neededPackages(names);
  } catch (error) {
    console.error(error instanceof TypeError ? error.message : error);
    return process.exit(1);
  }
}
