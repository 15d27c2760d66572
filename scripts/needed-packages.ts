import { packages } from './packages.ts';

/**
 * Returns the named packages, then the packages of the family that they need to run.
 *
 * @throws {TypeError} if there is no package of a name
 */
export function neededPackages(names: readonly string[]): typeof packages {
  const found = new Set<string>(names);
  for (const name of found)
    for (const dependency of Object.keys(packageNamed(name).manifest.dependencies ?? {}))
      if (dependency.startsWith('@oa/')) found.add(dependency);
  return Array.from(found, packageNamed);
}

function packageNamed(name: string): (typeof packages)[number] {
  const found = packages.find(({ manifest }) => manifest.name === name);
  if (found !== undefined) return found;
  throw new TypeError(
    `There is no package ${name}. The packages are ${packages.map(({ manifest }) => manifest.name).join(', ')}.`,
  );
}
