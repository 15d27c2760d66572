import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Manifest {
  name: string;
  version: string;
  description: string;
  exports: Record<string, string | { '@oa/source': string }>;
  publishConfig: { exports: Record<string, string | { types: string }> };
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

export const root: string = join(import.meta.dirname, '..');

/** The published packages. */
export const packages: { folder: string; manifest: Manifest }[] = readdirSync(join(root, 'packages'))
  .map((name) => join(root, 'packages', name))
  .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest }));

/** Every entry point of the published packages, with its source. */
export const entryPoints: { folder: string; specifier: string; source: string }[] = packages.flatMap(
  ({ folder, manifest }) =>
    Object.entries(manifest.exports).flatMap(([subpath, target]) =>
      typeof target === 'string'
        ? []
        : [{ folder, specifier: manifest.name + subpath.slice(1), source: join(folder, target['@oa/source']) }],
    ),
);
