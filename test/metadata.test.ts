import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packages, root } from '../scripts/packages.ts';
import { repositoryUrl, toRepositoryLinks } from '../scripts/repository.ts';

const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { engines: unknown };

it('every package.json has the repository fields that scripts/metadata.ts writes', () => {
  const script = join(root, 'scripts/metadata.ts');
  expect(spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })).toMatchObject({
    stdout: '',
    status: 0,
  });
});

it('makes links out of a package absolute, and moves absolute ones to the present repository', () => {
  const readme = [
    '[a package](../fetch#readme) [a page](../../docs/errors.md#timeout) ![a picture](../../docs/images/a.png)',
    '[moved](https://elsewhere.test/some/one/blob/HEAD/docs/errors.md) [inside](src/index.ts) [other](https://a.test/)',
  ];
  expect(toRepositoryLinks(readme.join('\n'), join(root, 'packages', 'http')).split('\n')).toEqual([
    `[a package](${repositoryUrl}/tree/HEAD/packages/fetch#readme) [a page](${repositoryUrl}/blob/HEAD/docs/errors.md#timeout) ![a picture](${repositoryUrl}/raw/HEAD/docs/images/a.png)`,
    `[moved](${repositoryUrl}/blob/HEAD/docs/errors.md) [inside](src/index.ts) [other](https://a.test/)`,
  ]);
});

describe.each(packages)('$manifest.name', ({ folder, manifest }) => {
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const targets = Array.from(
    readme.matchAll(/\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"/g),
    (match) => match[1] ?? match[2] ?? '',
  );

  it('runs on the Node.js versions of the whole family', () => {
    expect(manifest).toHaveProperty('engines', engines);
  });

  it('has keywords of its own', () => {
    expect(manifest).toHaveProperty('keywords', expect.any(Array));
    const others = packages.filter((other) => other.folder !== folder).map((other) => keywordsOf(other.manifest));
    expect(others).not.toContainEqual(keywordsOf(manifest));
  });

  it('has a README whose relative links and pictures are part of the package', () => {
    const relative = targets.filter((target) => !/^(https:|#)/.test(target));
    expect(relative.filter((target) => !isPacked(folder, target))).toEqual([]);
  });

  it('has a README whose links into the repository name files that exist', () => {
    const paths = targets
      .filter((target) => target.startsWith(`${repositoryUrl}/`))
      .map((target) =>
        target
          .slice(repositoryUrl.length)
          .replace(/^\/(tree|blob|raw)\/HEAD\//, '')
          .replace(/#.*/, ''),
      );
    expect(paths.length).toBeGreaterThan(0);
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

function keywordsOf(manifest: object): unknown {
  return 'keywords' in manifest ? manifest.keywords : undefined;
}

/** Whether a relative link leads to a file that `pnpm pack` puts into the tarball, and that is worth a link. */
function isPacked(folder: string, target: string): boolean {
  const path = resolve(folder, target.replace(/#.*/, ''));
  return (
    existsSync(path) && ['README.md', 'LICENSE'].some((name) => `${path}${sep}`.startsWith(join(folder, name) + sep))
  );
}
