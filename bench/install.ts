import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const OWN_PACKAGES = ['@oa/manager', '@oa/client-credentials', '@oa/token-cache'];
const benchRoot: string = import.meta.dirname;

/** Installs the peers of the lockfile, and beside them what `pnpm tarballs` packs: each package as npm would deliver it. */
export function install(): void {
  npm('ci');
  const root = join(benchRoot, '..');
  const output = execFileSync(process.execPath, [join(root, 'scripts', 'tarballs.ts'), ...OWN_PACKAGES], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const tarballs = output.split(/\s+/).filter((word) => word.endsWith('.tgz'));
  npm('install', '--no-save', ...tarballs);
}

/** The installed version of a package. */
export function versionOf(name: string): string {
  const manifest = readFileSync(join(benchRoot, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

function npm(...parameters: string[]): void {
  execFileSync('npm', parameters, { cwd: benchRoot, stdio: ['ignore', 'ignore', 'inherit'] });
}
