import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { folder } from './recipe.ts';

const page = join(folder, '../../docs/recipes.md');
const text = readFileSync(page, 'utf8');
const recipes = readdirSync(folder).filter((name) => /(?<!\.d)\.(?:ts|yaml)$/.test(name));

/** A block of code below the link to its file. */
const BLOCK = /^(\[([\w.-]+)\]\(\.\.\/examples\/recipes\/\2\):\n\n```\w+\n)[^]*?(?=^```$)/gm;

it('has the text of each file, which `vitest run <this file> -u` brings up to date', async () => {
  expect([...text.matchAll(BLOCK)].map(([, , name = '']) => name).toSorted()).toEqual(recipes.toSorted());
  const current = text.replaceAll(
    BLOCK,
    (_block, head: string, name: string) => head + readFileSync(join(folder, name), 'utf8'),
  );
  await expect(current).toMatchFileSnapshot(page);
});

it('says of each recipe what happens when something fails, and what it can not do', () => {
  const [, ...sections] = text.split(/^## /m);
  expect(sections).toHaveLength(6);
  for (const section of sections)
    expect(section.match(/^### .*$/gm)).toEqual(['### When something fails', "### What it can't do"]);
});

it.each(recipes)('%s can be copied: it imports packages only', (name) => {
  expect(readFileSync(join(folder, name), 'utf8')).not.toMatch(/from '\.|@oa-internal/);
});
