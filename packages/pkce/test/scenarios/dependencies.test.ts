import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

interface Manifest {
  name: string;
  dependencies?: Record<string, string>;
}

/** The names of all packages that an installation of the package in `folder` brings along. */
function dependencyClosure(folder: string, found: Set<string> = new Set()): Set<string> {
  const { name, dependencies = {} } = readManifest(folder);
  found.add(name);
  for (const dependency of Object.keys(dependencies))
    if (!found.has(dependency)) dependencyClosure(findPackage(dependency, folder), found);
  return found;
}

/** The folder of a dependency, as Node resolves it from `folder`. */
function findPackage(name: string, folder: string): string {
  const places = createRequire(`${folder}/package.json`).resolve.paths(name) ?? [];
  for (const place of places) {
    try {
      return dirname(createRequire(import.meta.url).resolve(`${place}/${name}/package.json`));
    } catch {
      // The dependency is in a folder further up.
    }
  }
  throw new Error(`${name} is not installed for ${folder}`);
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Manifest;
}

it('installs without open: the browser login is in @oa/loopback', () => {
  const folder = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
  const closure = dependencyClosure(folder);
  expect(closure).toContain('@oa/http');
  expect(closure).toContain('ky');
  expect(closure).not.toContain('open');
  expect(closure).not.toContain('@oa/loopback');
  expect(Object.keys(readManifest(folder).dependencies ?? {}).toSorted()).toEqual([
    '@oa/http',
    '@oa/mechanisms',
    '@oa/token-endpoint',
    '@oa/types',
  ]);
});
