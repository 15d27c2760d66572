import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packages, root } from '../scripts/packages.ts';

it('docs/images has the pictures that the READMEs show, and no others', () => {
  const readmes = [root, ...packages.map(({ folder }) => folder)].map((folder) =>
    readFileSync(join(folder, 'README.md'), 'utf8'),
  );
  const shown = readmes.flatMap((text) =>
    [...text.matchAll(/docs\/images\/([\w-]+\.png)/g)].map(([, name = '']) => name),
  );
  expect(readdirSync(join(root, 'docs/images')).toSorted()).toEqual([...new Set(shown)].toSorted());
});
