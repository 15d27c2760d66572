import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileVersion, readPrivate, writePrivate } from '@oa/private-file';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { start, temporaryDirectory } from '@oa-internal/processes';
import { program } from './scenarios.ts';

/** Only root can give files away. The tests that need it are run by root, under CI always. */
const isRoot = process.geteuid?.() === 0;
const STRANGER = 65_534;

let directory: string;
let path: string;
beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory, 'a.json');
});
afterEach(() => rmSync(directory, { recursive: true }));

test('D7: what was written is read, byte for byte; an absent file or directory is undefined', async () => {
  const text = 'é\u0000\u2028 "secret" 💾\n';
  await writePrivate(path, text);
  expect(await readPrivate(path)).toBe(text);
  expect(await readPrivate(join(directory, 'b'))).toBeUndefined();
  expect(await readPrivate(join(directory, 'no', 'such', 'b'))).toBeUndefined();
});

const plain = (mode: number) => (): void => {
  writeFileSync(path, 'planted');
  chmodSync(path, mode);
};
const elsewhere = (): string => {
  const victim = join(directory, 'victim');
  writeFileSync(victim, 'planted', { mode: 0o600 });
  return victim;
};

describe('D7: a file that others could have read or planted is refused, not followed, not deleted', () => {
  const cases: [string, () => unknown, RegExp][] = [
    ['0640', plain(0o640), /mode 0640.*chmod 600/],
    ['0604', plain(0o604), /mode 0604.*chmod 600/],
    ['0666', plain(0o666), /mode 0666.*chmod 600/],
    ['a symbolic link', () => symlinkSync(elsewhere(), path), /symbolic link/],
    ['a dangling link', () => symlinkSync(join(directory, 'nothing'), path), /symbolic link/],
    ['a hard link', () => linkSync(elsewhere(), path), /2 hard links/],
    ['a FIFO', () => execFileSync('mkfifo', ['-m', '600', path]), /not a regular file/],
    ['a directory', () => mkdirSync(path, { mode: 0o700 }), /not a regular file/],
    [
      'over 1 MiB',
      () => (writeFileSync(path, '', { mode: 0o600 }), truncateSync(path, 1024 * 1024 + 1)),
      /1048577 bytes/,
    ],
  ];
  test.for(cases)('%s', async ([, plant, message]) => {
    plant();
    const before = lstatSync(path);
    for (const attempt of [readPrivate(path), writePrivate(path, 'new')])
      await expect(attempt).rejects.toMatchObject({
        name: 'OAuthError',
        code: 'insecure_file_permissions',
        message: expect.stringMatching(message) as string,
      });
    expect(lstatSync(path)).toMatchObject({
      ino: before.ino,
      mode: before.mode,
      size: before.size,
      mtimeMs: before.mtimeMs,
    });
  });

  test('a socket', async () => {
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once('listening', resolve));
    await expect(readPrivate(path)).rejects.toMatchObject({ code: 'insecure_file_permissions' });
    await new Promise((resolve) => server.close(resolve));
  });

  test.runIf(isRoot)('of a foreign owner', async () => {
    writeFileSync(path, 'planted', { mode: 0o600 });
    chownSync(path, STRANGER, STRANGER);
    await expect(readPrivate(path)).rejects.toMatchObject({
      code: 'insecure_file_permissions',
      message: expect.stringContaining('another user') as string,
    });
    expect(readFileSync(path, 'utf8')).toBe('planted');
  });

  test.runIf(isRoot)('of root, read by somebody else', async () => {
    writeFileSync(path, 'private', { mode: 0o600 });
    chownSync(directory, STRANGER, STRANGER);
    const end = await start(program('read'), { path }, { uid: STRANGER }).ended;
    expect(end).toMatchObject({ code: 0, stdout: expect.stringContaining('insecure_file_permissions: ') as string });
  });
});

describe('D7: a directory in which others can write is refused', () => {
  test.for([0o770, 0o707, 0o777, 0o1777])('%o', async (mode) => {
    await writePrivate(path, 'old');
    chmodSync(directory, mode);
    for (const attempt of [readPrivate(path), writePrivate(path, 'new')])
      await expect(attempt).rejects.toMatchObject({
        code: 'insecure_file_permissions',
        message: expect.stringContaining('chmod 700') as string,
      });
    chmodSync(directory, 0o750);
    expect(await readPrivate(path)).toBe('old');
  });

  test.runIf(isRoot)('of a foreign owner', async () => {
    await writePrivate(path, 'old');
    chownSync(directory, STRANGER, STRANGER);
    for (const attempt of [readPrivate(path), writePrivate(path, 'new')])
      await expect(attempt).rejects.toMatchObject({ code: 'insecure_file_permissions' });
  });

  test('a symbolic link to a directory of mine is fine', async () => {
    mkdirSync(join(directory, 'real'), { mode: 0o700 });
    symlinkSync(join(directory, 'real'), join(directory, 'link'));
    await writePrivate(join(directory, 'link', 'a'), 'through');
    expect(readFileSync(join(directory, 'real', 'a'), 'utf8')).toBe('through');
    expect(await readPrivate(join(directory, 'link', 'a'))).toBe('through');
  });

  test('what is no directory at all is told', async () => {
    await writePrivate(path, 'a file');
    await expect(readPrivate(join(path, 'b'))).rejects.toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringContaining('ENOTDIR') as string,
    });
    await expect(writePrivate(join(path, 'b'), '')).rejects.toMatchObject({ code: 'storage_unavailable' });
  });
});

test('not UTF-8 is corrupt_file', async () => {
  writeFileSync(path, Buffer.from([0xff, 0xfe, 0x41]), { mode: 0o600 });
  await expect(readPrivate(path)).rejects.toMatchObject({ code: 'corrupt_file' });
});

test('a relative path is a TypeError: nothing lands in the working directory', async () => {
  await expect(readPrivate('a.json')).rejects.toThrow(TypeError);
  await expect(writePrivate('./a.json', '')).rejects.toThrow(/absolute, not ".\/a.json"/);
});

test('fileVersion changes with every write, and with the mode', async () => {
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

test('reading loads neither SQLite nor crypto nor the network', async () => {
  await writePrivate(path, 'x');
  const { stdout } = await start(program('read'), { path }).ended;
  const loaded = JSON.parse(stdout) as { text: string; modules: string[] };
  expect(loaded.text).toBe('x');
  expect(loaded.modules.filter((name) => /sqlite|crypto$|undici|http|child_process/.test(name))).toEqual([]);
});
