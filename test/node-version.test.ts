import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startProcess } from '@oa-internal/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { packages, root } from '../scripts/packages.ts';

const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { engines: { node: string } };
const minimum = engines.node.replace('>=', '');

/** The entry points that need modules of Node.js, and so refuse an old one. */
const NODE_PACKAGES = [
  'private-file',
  'token-cache',
  'client-store',
  'keychain',
  'shared-store',
  'store-postgres',
  'store-redis',
  'loopback',
  'manager',
];

describe('a Node.js older than `engines`', () => {
  // Takes the place of `process` in a new process: what a Node.js of that version lacks is missing.
  const imitation = (version: string): string => `data:text/javascript,
    const { versions } = process;
    globalThis.process = Object.create(process, {
      versions: { value: { ...versions, node: '${version}' } },
      getBuiltinModule: { value: undefined },
    });`;

  it.each(NODE_PACKAGES)('is refused by @oa/%s at import, with one clear sentence', async (name) => {
    const program = join(root, 'packages', name, 'src/index.ts');
    const nodeOptions = ['--import', imitation('20.10.0')];
    const { code, stderr } = await startProcess(program, { nodeOptions }).ended;
    expect([code, stderr.match(/^\w*Error: .*$/gm)]).toEqual([
      1,
      [`Error: The @oa packages need Node.js ${minimum} or newer, and this is Node.js 20.10.0. Update Node.js.`],
    ]);
  });

  it.each(packages.map(({ folder }) => folder.slice(join(root, 'packages/').length)).filter(isNeutral))(
    'can import @oa/%s, which needs no module of Node.js',
    async (name) => {
      const program = join(root, 'packages', name, 'src/index.ts');
      const nodeOptions = ['--import', imitation('20.10.0')];
      expect(await startProcess(program, { nodeOptions }).ended).toMatchObject({ code: 0, stderr: '' });
    },
  );
});

/** An old Node.js on this machine, such as the one that runs npx while the tests have one of their own. */
const old = ['/usr/local/bin/node', '/usr/bin/node'].find((path) => versionOf(path)?.startsWith('20.'));

describe.skipIf(old === undefined)(`a real old Node.js (${old ?? 'none at /usr/bin/node'})`, () => {
  beforeAll(() => {
    execFileSync('pnpm', ['run', 'build'], { cwd: root, stdio: 'pipe' });
  });

  it.each(NODE_PACKAGES)('is refused by the built @oa/%s', (name) => {
    const program = join(root, 'packages', name, 'dist/index.js');
    const { status, stderr } = spawnSync(old ?? '', [program], { encoding: 'utf8' });
    expect([status, stderr.match(/^\w*Error: .*$/gm)]).toEqual([
      1,
      [expect.stringMatching(`^Error: The @oa packages need Node.js ${minimum} or newer, and this is Node.js 20\\.`)],
    ]);
  });
});

function isNeutral(name: string): boolean {
  return !NODE_PACKAGES.includes(name);
}

function versionOf(path: string): string | undefined {
  const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.slice(1) : undefined;
}
