import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { packages, root } from './packages.ts';

/**
 * Packs built packages as they would be published, all at once.
 *
 * @returns the path of the tarball of each package, by its name
 */
export function packInto(directory: string, wanted: typeof packages = packages): Map<string, string> {
  const filters = wanted.map(({ manifest }) => `--filter=${manifest.name}`);
  execFileSync('pnpm', [...filters, 'pack', '--pack-destination', directory], { cwd: root, stdio: 'pipe' });
  return new Map(
    wanted.map(({ manifest: { name, version } }) => [
      name,
      join(directory, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`),
    ]),
  );
}
