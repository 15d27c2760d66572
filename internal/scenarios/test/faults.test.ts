import { failEachCall, storyNames } from '@oa-internal/scenarios';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { expect, it } from 'vitest';

const PRELOAD = new URL('../src/faults/preload.ts', import.meta.url).href;

it.each(storyNames)('the story "%s" ends well without a fault, and makes many file calls', async (story) => {
  const { runs, calls, window, problems } = await failEachCall(story, 0);
  expect({ runs, window, problems }).toEqual({ runs: 2, window: [], problems: [] });
  expect(calls).toBeGreaterThan(20);
});

it('a preloaded fault reaches every way to a file, once and with the number of the call', async () => {
  const directory = temporaryDirectory();
  const program = join(directory, 'program.mjs');
  const root = join(directory, 'files');
  writeFileSync(
    program,
    `import { lstatSync, mkdirSync, openSync, fstatSync, closeSync } from 'node:fs';
    import { open, readdir } from 'node:fs/promises';
    const { readdirSync } = process.getBuiltinModule('node:fs');
    const file = ${JSON.stringify(join(root, 'a.json'))};
    const seen = [];
    for (let at = 0; at < 12; at += 1) {
      globalThis.faultControl.start({ roots: [${JSON.stringify(root)}], at, fault: at % 2 ? 'EDQUOT' : 'EIO' });
      let failed = 'none';
      try {
        lstatSync(${JSON.stringify(directory)});
        mkdirSync(${JSON.stringify(root)}, { recursive: true });
        closeSync(openSync(file, 'w'));
        const descriptor = openSync(file);
        fstatSync(descriptor);
        closeSync(descriptor);
        const handle = await open(file, 'w');
        await handle.write('x');
        await handle.sync().finally(() => handle.close());
        await readdir(${JSON.stringify(root)});
        readdirSync(${JSON.stringify(root)});
      } catch ({ code, syscall, errno }) {
        failed = [code, syscall, errno].join();
      }
      seen.push([failed, globalThis.faultControl.stop().length].join(' after '));
    }
    console.log(JSON.stringify(seen));`,
  );
  const { stdout, stderr } = await startProcess(program, { nodeOptions: [`--import=${PRELOAD}`] }).ended;
  rmSync(directory, { recursive: true });
  expect(stderr).toBe('');
  const unnamed = 'Unknown system error -122';
  expect(JSON.parse(stdout)).toEqual([
    'none after 12',
    `${unnamed},mkdir,-122 after 1`,
    'EIO,open,-5 after 2',
    `${unnamed},close,-122 after 3`,
    'EIO,open,-5 after 4',
    `${unnamed},fstat,-122 after 5`,
    'EIO,close,-5 after 6',
    `${unnamed},open,-122 after 7`,
    'EIO,write,-5 after 8',
    `${unnamed},fsync,-122 after 10`,
    'EIO,close,-5 after 10',
    `${unnamed},scandir,-122 after 11`,
  ]);
});
