// Builds packages and packs them with the packages that they need: `pnpm tarballs @oa/fetch`, or all without a name. It prints the
// `npm install` command for a project that tries them before a release.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { neededPackages } from './needed-packages.ts';
import { packages, root } from './packages.ts';

const directory = join(root, 'tarballs');
const names = process.argv.length > 2 ? process.argv.slice(2) : packages.map(({ manifest }) => manifest.name);
const needed = neededPackages(names);

// The output of the build goes to stderr: stdout has the command only.
execFileSync('pnpm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', process.stderr, 'inherit'] });
rmSync(directory, { recursive: true, force: true });
mkdirSync(directory);
const tarballs = needed.map(({ folder, manifest }) => {
  execFileSync('pnpm', ['pack', '--pack-destination', directory], { cwd: folder, stdio: 'ignore' });
  return join(directory, `${manifest.name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`);
});

console.log(['npm install', ...tarballs].join(' \\\n  '));
