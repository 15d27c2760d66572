import { execFileSync } from 'node:child_process';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { beforeAll, describe, expect, it } from 'vitest';
import { packages, root } from '../scripts/packages.ts';
import { MAX_AUTHENTICATION_BYTES, MAX_BROWSER_BYTES, MAX_PACKAGE_BYTES } from './sizes.ts';

beforeAll(() => {
  execFileSync('pnpm', ['run', 'build'], { cwd: root, stdio: 'pipe' });
});

/** A program as a web application would bundle it. */
interface Bundle {
  /** The size of all files, minified and compressed with gzip. */
  bytes: number;
  /** The packages in it that are not of the family. */
  thirdParties: string[];
}

/** Bundles a program of one package, with all that it loads at once or later. */
async function bundle(name: string, code: string): Promise<Bundle> {
  const folder = join(root, 'packages', name);
  const entry = join(folder, 'program.js');
  await using build = await rolldown({
    input: entry,
    cwd: folder,
    platform: 'neutral',
    tsconfig: false,
    external: /^node:/,
    plugins: [
      { name: 'program', resolveId: (id) => (id === entry ? id : null), load: (id) => (id === entry ? code : null) },
    ],
  });
  const { output } = await build.generate({ minify: true, codeSplitting: false });
  const chunks = output.filter((file) => file.type === 'chunk');
  const modules = chunks.flatMap(({ moduleIds }) => moduleIds).join('\n');
  return {
    bytes: chunks.reduce((sum, chunk) => sum + gzipSync(chunk.code, { level: 9 }).length, 0),
    thirdParties: Array.from(
      new Set(Array.from(modules.matchAll(/\/node_modules\/((?!\.pnpm|@oa\/)[^/\n]+)\//g), ([, found]) => found ?? '')),
    ),
  };
}

describe('a bundle for the browser, minified and compressed with gzip', () => {
  it('of createPkce has no third party, and is smaller than its limit', async () => {
    const { bytes, thirdParties } = await bundle('pkce', "export { createPkce } from '@oa/pkce';");
    expect(thirdParties).toEqual([]);
    expect(bytes).toBeLessThan(MAX_BROWSER_BYTES.createPkce);
  });

  it('of the whole login has at most two third parties, and is smaller than its limit', async () => {
    const { bytes, thirdParties } = await bundle(
      'pkce',
      "export { authorizationUrl, createPkce, exchangeCode, readCallback } from '@oa/pkce';",
    );
    expect(thirdParties.toSorted()).toEqual(['ky', 'valibot']);
    expect(bytes).toBeLessThan(MAX_BROWSER_BYTES.login);
  });
});

it('@oa/client-authentication loads less than 3 kB of its own at once, and no third party', async () => {
  const folder = join(root, 'packages/client-authentication');
  const input = join(folder, 'dist/index.js');
  await using build = await rolldown({ input, cwd: folder, platform: 'neutral', tsconfig: false, external: /^@oa\// });
  const { output } = await build.generate({ minify: true });
  const atOnce = output.filter((file) => file.type === 'chunk' && !file.isDynamicEntry);
  // Chunks that an entry point shares with its lazy parts would count too.
  expect(atOnce.map((file) => file.fileName)).toEqual(['index.js']);
  const bytes = atOnce.reduce(
    (sum, file) => sum + (file.type === 'chunk' ? gzipSync(file.code, { level: 9 }).length : 0),
    0,
  );
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThan(MAX_AUTHENTICATION_BYTES);
  const { dependencies } = packages.find((one) => one.folder === folder)?.manifest ?? {};
  expect(Object.keys(dependencies ?? {})).toEqual(['@oa/mechanisms', '@oa/types']);
});

it.each(packages.map(({ folder }) => basename(folder)))(
  'the bundle of all of @oa/%s is not larger than its limit',
  async (name) => {
    const entries = Object.entries(packages.find(({ folder }) => basename(folder) === name)?.manifest.exports ?? {})
      .filter(([, target]) => typeof target === 'object')
      .map(([subpath], index) => `export * as m${index} from '@oa/${name}${subpath.slice(1)}';`);
    const { bytes } = await bundle(name, entries.join('\n'));
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(MAX_PACKAGE_BYTES[name]?.bundle ?? 0);
  },
);
