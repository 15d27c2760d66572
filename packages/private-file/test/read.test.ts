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
import { fileVersion, readPrivate, reservePrivate, withLock, writePrivate } from '@oa/private-file';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
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
    for (const attempt of [async () => readPrivate(path), async () => writePrivate(path, 'new')])
      await expect(attempt()).rejects.toMatchObject({
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
    const end = await startProcess(program('read'), { task: { path }, uid: STRANGER }).ended;
    expect(end).toMatchObject({ code: 0, stdout: expect.stringContaining('insecure_file_permissions: ') as string });
  });
});

describe('D7: a directory in which others can write is refused', () => {
  test.for([0o770, 0o707, 0o777, 0o1777])('%o', async (mode) => {
    await writePrivate(path, 'old');
    chmodSync(directory, mode);
    for (const attempt of [async () => readPrivate(path), async () => writePrivate(path, 'new')])
      await expect(attempt()).rejects.toMatchObject({
        code: 'insecure_file_permissions',
        message: expect.stringContaining('chmod 700') as string,
      });
    chmodSync(directory, 0o750);
    expect(await readPrivate(path)).toBe('old');
  });

  test.runIf(isRoot)('of a foreign owner', async () => {
    await writePrivate(path, 'old');
    chownSync(directory, STRANGER, STRANGER);
    for (const attempt of [async () => readPrivate(path), async () => writePrivate(path, 'new')])
      await expect(attempt()).rejects.toMatchObject({ code: 'insecure_file_permissions' });
  });

  test('a symbolic link to a directory of mine is fine', async () => {
    mkdirSync(join(directory, 'real'), { mode: 0o700 });
    symlinkSync(join(directory, 'real'), join(directory, 'link'));
    await writePrivate(join(directory, 'link', 'a'), 'through');
    expect(readFileSync(join(directory, 'real', 'a'), 'utf8')).toBe('through');
    expect(await readPrivate(join(directory, 'link', 'a'))).toBe('through');
  });

  test('a symbolic link to nothing is told', async () => {
    symlinkSync(join(directory, 'nothing'), join(directory, 'link'));
    expect(await readPrivate(join(directory, 'link', 'a'))).toBeUndefined();
    for (const below of ['a', 'b/a'])
      await expect(writePrivate(join(directory, 'link', below), 'x')).rejects.toMatchObject({
        code: 'storage_unavailable',
      });
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
  const { stdout } = await startProcess(program('read'), { task: { path } }).ended;
  const loaded = JSON.parse(stdout) as { text: string; modules: string[] };
  expect(loaded.text).toBe('x');
  expect(loaded.modules.filter((name) => /sqlite|crypto$|undici|http|child_process/.test(name))).toEqual([]);
});

describe('on Windows, as far as this machine can pretend', () => {
  const platform = Object.getOwnPropertyDescriptor(process, 'platform') ?? {};
  beforeEach(() => Object.defineProperty(process, 'platform', { ...platform, value: 'win32' }));
  afterEach(() => Object.defineProperty(process, 'platform', platform));

  test('there are no modes and owners to check, directories are not synced, and a link is looked for before the open', async () => {
    await writePrivate(path, 'x');
    chmodSync(path, 0o644);
    chmodSync(directory, 0o777);
    expect(await readPrivate(path)).toBe('x');
    await writePrivate(path, 'y');
    expect(await withLock(path, async () => readPrivate(path))).toBe('y');
    rmSync(path);
    symlinkSync(join(directory, 'elsewhere'), path);
    await expect(readPrivate(path)).rejects.toMatchObject({ code: 'insecure_file_permissions' });
  });
});

describe('as somebody who is not root', () => {
  test.runIf(isRoot)(
    'a file that cannot be read is refused with what to do; a directory that cannot be written too',
    async () => {
      chmodSync(directory, 0o755);
      const mine = join(directory, 'mine');
      mkdirSync(mine, { mode: 0o700 });
      const unreadable = join(mine, 'a.json');
      writeFileSync(unreadable, 'x', { mode: 0o000 });
      chownSync(unreadable, STRANGER, STRANGER);
      chownSync(mine, STRANGER, STRANGER);
      const user = process.geteuid?.() ?? 0;
      process.seteuid?.(STRANGER);
      try {
        await expect(readPrivate(unreadable)).rejects.toMatchObject({
          code: 'insecure_file_permissions',
          message: expect.stringContaining('chmod 600') as string,
        });
        chmodSync(mine, 0o500);
        const refused = { code: 'storage_unavailable', message: expect.stringContaining('may not use it') as string };
        await expect(writePrivate(join(mine, 'b'), 'x')).rejects.toMatchObject(refused);
        await expect(reservePrivate(join(mine, 'b'))).rejects.toMatchObject(refused);
        await expect(withLock(join(mine, 'b'), async () => 1)).rejects.toMatchObject(refused);
        await expect(writePrivate(join(directory, 'new', 'b'), 'x')).rejects.toMatchObject(refused);
        chmodSync(mine, 0o700);
        writeFileSync(join(mine, 'b.pending'), '', { mode: 0o000 });
        await expect(reservePrivate(join(mine, 'b'))).rejects.toMatchObject(refused);
        writeFileSync(join(mine, 'c.lock'), '', { mode: 0o000 });
        await expect(withLock(join(mine, 'c'), async () => 1)).rejects.toMatchObject({ code: 'storage_unavailable' });
        chmodSync(mine, 0o000);
        await expect(readPrivate(join(mine, 'deep', 'b'))).rejects.toMatchObject(refused);
      } finally {
        process.seteuid?.(user);
      }
    },
  );
});
