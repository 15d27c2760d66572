import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { observeLoading, temporaryDirectory } from '@oa-internal/testing';
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
  files: BundledFile[];
  /** The packages in it that are not of the family. */
  thirdParties: string[];
}

interface BundledFile {
  name: string;
  code: string;
  bytes: number;
}

/**
 * Bundles a program of one package, with all that it loads at once or later.
 *
 * @param codeSplitting whether what is loaded later is in files of its own
 */
async function bundle(name: string, code: string, codeSplitting = false): Promise<Bundle> {
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
  const { output } = await build.generate({
    minify: true,
    chunkFileNames: '[name].js',
    ...(codeSplitting ? {} : { codeSplitting }),
  });
  const chunks = output.filter((file) => file.type === 'chunk');
  const modules = chunks.flatMap(({ moduleIds }) => moduleIds).join('\n');
  const files = chunks.map((chunk) => {
    const bytes = gzipSync(chunk.code, { level: 9 }).length;
    return { name: chunk.fileName, code: chunk.code, bytes };
  });
  return {
    bytes: sumOfBytes(files),
    files,
    thirdParties: Array.from(
      new Set(Array.from(modules.matchAll(/\/node_modules\/((?!\.pnpm|@oa\/)[^/\n]+)\//g), ([, found]) => found ?? '')),
    ),
  };
}

function sumOfBytes(files: readonly BundledFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Three logins as in a browser: a successful one, one while it is offline, and one without an answer. Prints the names of the files that all loaded. */
const LOGIN = `
  const { authorizationUrl, createPkce, exchangeCode, readCallback } = await import('./program.js');
  const { process } = globalThis;
  // A browser has none.
  globalThis.process = undefined;
  const server = { issuer: 'https://as.example', authorization_endpoint: 'https://as.example/a', token_endpoint: 'https://as.example/t' };
  const client = { client_id: 'c' };
  const { code_verifier, code_challenge } = await createPkce();
  const redirect_uri = 'https://app.example/';
  const url = authorizationUrl(server, client, { redirect_uri, state: 's', code_challenge });
  const code = readCallback(\`\${redirect_uri}?code=x&state=\${url.searchParams.get('state')}\`, { state: 's', server });
  const logIn = (fetch) => {
    globalThis.fetch = fetch;
    return exchangeCode(server, client, { code, code_verifier, redirect_uri }, { timeout: 200 });
  };
  const token = await logIn(async () => Response.json({ access_token: 'a', token_type: 'Bearer', expires_in: 60 }));
  const offline = await logIn(async () => { throw new TypeError('Failed to fetch'); }).catch((error) => error.message);
  const late = await logIn(() => new Promise(() => {})).catch((error) => error.code);
  globalThis.process = process;
  const files = loading().urls.map((url) => url.split('/').at(-1));
  console.log(JSON.stringify({ token: token.access_token, offline, late, files }));
`;

describe('a bundle for the browser, minified and compressed with gzip', () => {
  it('of createPkce has no third party, and is smaller than its limit', async () => {
    const { bytes, thirdParties } = await bundle('pkce', "export { createPkce } from '@oa/pkce';");
    expect(thirdParties).toEqual([]);
    expect(bytes).toBeLessThan(MAX_BROWSER_BYTES.createPkce);
  });

  it('of the login has at most two third parties, and is smaller than its limits: all files, and those of a login that no server refuses', async () => {
    const program = "export { authorizationUrl, createPkce, exchangeCode, readCallback } from '@oa/pkce';";
    const { bytes, files, thirdParties } = await bundle('pkce', program, true);
    expect(thirdParties.toSorted()).toEqual(['ky', 'valibot']);
    const folder = temporaryDirectory();
    for (const { name, code } of files) writeFileSync(join(folder, name), code);
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const login = await observeLoading<{ files: string[] }>(LOGIN, folder, {}, { watchGlobals: false });
    expect(login).toMatchObject({
      token: 'a',
      offline: expect.stringContaining('Check the address and the network.'),
      late: 'timeout',
    });
    const loaded = files.filter(({ name }) => login.files.includes(name));
    const later = files.filter((file) => !loaded.includes(file)).map(({ name }) => name);
    // `answer-error` and `refused` are loaded after a refusal of the server, `assertions` with the first signature, and `failure` by Node.js,
    // Deno and Bun.
    expect(later.toSorted()).toEqual(['answer-error.js', 'assertions.js', 'failure.js', 'refused.js']);
    expect(sumOfBytes(loaded)).toBeLessThan(MAX_BROWSER_BYTES.login);
    expect(bytes).toBeLessThan(MAX_BROWSER_BYTES.loginWithErrors);
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
