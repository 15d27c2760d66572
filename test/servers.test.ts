import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../scripts/packages.ts';

it('docs/servers.md names the tested versions', () => {
  const catalog = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8').replaceAll("'", '').split('\n');
  const page = readFileSync(join(root, 'docs', 'servers.md'), 'utf8');
  const tested = [...page.matchAll(/^\| `([^`]+)` +\| (\d+\.\d+\.\d+) +\|/gm)].map(
    ([, name, version]) => `  ${name}: ${version}`,
  );
  expect(tested).toHaveLength(5);
  for (const line of tested) expect(catalog).toContain(line);
});
