import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { fileVersion, readPrivate, writePrivate } from '@oa/private-file';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { program } from './programs.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory, 'a.json');
});
afterEach(() => rmSync(directory, { recursive: true }));

it('reads what was written, byte for byte; a missing file or directory is undefined', async () => {
  const text = 'é\u0000\u2028 "secret" 💾\n';
  await writePrivate(path, text);
  expect(await readPrivate(path)).toBe(text);
  expect(await readPrivate(join(directory, 'b'))).toBeUndefined();
  expect(await readPrivate(join(directory, 'no', 'such', 'b'))).toBeUndefined();
});

it('rejects text that is not UTF-8 with corrupt_file', async () => {
  writeFileSync(path, Buffer.from([0xff, 0xfe, 0x41]), { mode: 0o600 });
  await expect(readPrivate(path)).rejects.toMatchObject({ code: 'corrupt_file' });
  expect(await readPrivate(path, { lenient: true })).toBe('\uFFFD\uFFFDA');
});

it('gives a file another version after every write, and after a change of its mode', async () => {
  expect(fileVersion(path)).toBeUndefined();
  const versions = new Set<string | undefined>();
  for (let i = 0; i < 20; i += 1) {
    await writePrivate(path, 'same');
    versions.add(fileVersion(path));
  }
  chmodSync(path, 0o644);
  versions.add(fileVersion(path));
  expect(versions.size).toBe(21);
  expect(fileVersion(join(path, 'below a file'))).toBeUndefined();
});

it('loads neither SQLite nor crypto nor the network', async () => {
  await writePrivate(path, 'x');
  const { stdout } = await startProcess(program('read'), { task: { path } }).ended;
  const loaded = JSON.parse(stdout) as { text: string; modules: string[] };
  expect(loaded.text).toBe('x');
  expect(loaded.modules.filter((name) => /sqlite|crypto$|undici|http|child_process/.test(name))).toEqual([]);
});
