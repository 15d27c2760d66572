import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startProcess } from '@oa-internal/testing';
import { describe, expect, it } from 'vitest';
import { root } from '../scripts/packages.ts';

// The recipes are programs without a server to try them with. docs/recipes.md shows them, and their own tests run them.
const names = readdirSync(join(root, 'examples')).filter((name) => name !== 'recipes');

/** Ports and client identifiers are new in each run, and requests at the same time arrive in any order. */
const withoutRandomParts = (text: string): string =>
  text
    .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
    .replaceAll(/(?<=program is client )\S+(?=\.)/g, 'ID')
    .replaceAll(/(?<=^Requests: ).*/gm, (list) => list.split(', ').toSorted().join(', '));

describe.each(names)('examples/%s', (name) => {
  const folder = join(root, 'examples', name);
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const blocks = (language: string): string[] =>
    [...readme.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].flatMap(([, of, text = '']) => (of === language ? text : []));

  it('runs with the command of its README, and prints what the README shows', async () => {
    expect(blocks('sh').at(0)).toBe(`npx -y pnpm@12 -C examples/${name} start\n`);
    const { code, stdout } = await startProcess(join(folder, 'embedded.ts')).ended;
    expect([code, withoutRandomParts(stdout)]).toEqual([0, withoutRandomParts(blocks('').at(0) ?? '')]);
  });

  it('compiles by itself, in a project without the types of a browser', () => {
    const types = spawnSync('tsc', ['-p', folder], { encoding: 'utf8', cwd: root });
    expect([types.stdout, types.status]).toEqual(['', 0]);
  });

  it('is one file, and its README shows code of it', () => {
    const main = readFileSync(join(folder, 'main.ts'), 'utf8');
    expect(main).not.toMatch(/from '\.|@oa-internal/);
    expect(blocks('ts').length).toBeGreaterThan(0);
    for (const block of blocks('ts')) expect(main).toContain(block);
  });
});
