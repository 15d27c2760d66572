import { readFileSync } from 'node:fs';
import { basename, extname, join, posix } from 'node:path';
import { root } from './packages.ts';

/** The address of the repository. The `repository` of the root package.json is the only place that has it. */
export const repositoryUrl: string = readRepository()
  .replace(/^git\+/, '')
  .replace(/\.git$/, '');

/** The fields of a published package.json that name the repository. */
export interface RepositoryFields {
  homepage: string;
  bugs: { url: string };
  repository: { type: 'git'; url: string; directory: string };
}

/** Returns the repository fields of the package in `folder`. */
export function repositoryFields(folder: string): RepositoryFields {
  const directory = `packages/${basename(folder)}`;
  return {
    homepage: `${repositoryUrl}/tree/HEAD/${directory}#readme`,
    bugs: { url: `${repositoryUrl}/issues` },
    repository: { type: 'git', url: `git+${repositoryUrl}.git`, directory },
  };
}

/**
 * Makes the links and pictures of a package's README absolute, if they lead out of the package. A registry shows the README without
 * the rest of the repository. Links that are absolute already get the present address of the repository.
 */
export function toRepositoryLinks(readme: string, folder: string): string {
  return readme
    .replace(/\]\((\.\.\/[^)\s]*)\)/g, (_link, target: string) => {
      const path = posix.join('packages', basename(folder), target);
      return `](${repositoryUrl}/${viewOf(path)}/HEAD/${path})`;
    })
    .replace(/\]\(https:\/\/[^)\s]+\/(tree|blob|raw)\/HEAD\//g, `](${repositoryUrl}/$1/HEAD/`);
}

/** The part of an address that selects a view: a directory, the file itself, or a page with the file. */
function viewOf(path: string): 'tree' | 'raw' | 'blob' {
  const extension = extname(path.split('#')[0] ?? '');
  if (extension === '') return 'tree';
  return extension === '.png' || extension === '.svg' ? 'raw' : 'blob';
}

function readRepository(): string {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { repository: { url: string } };
  return manifest.repository.url;
}
