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
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { readPrivate, writePrivate } from '@oa/private-file';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { noOtherUser, otherUser } from './other-user.ts';
import { program } from './programs.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory, 'a.json');
});
afterEach(() => rmSync(directory, { recursive: true }));

/** What a program may do with a file that other users could have planted or read. */
const uses = [async () => readPrivate(path), async () => writePrivate(path, 'new')];

describe('a file that other users could have read or planted is refused, not followed, not deleted', () => {
  const plain = (mode: number) => (): void => {
    writeFileSync(path, 'planted');
    chmodSync(path, mode);
  };
  const victim = (): string => {
    const file = join(directory, 'victim');
    writeFileSync(file, 'planted', { mode: 0o600 });
    return file;
  };
  const sparse = (): void => {
    writeFileSync(path, '', { mode: 0o600 });
    truncateSync(path, 1024 * 1024 + 1);
  };
  const cases: [string, () => unknown, RegExp][] = [
    ['mode 0640', plain(0o640), /mode 0640.*chmod 600/],
    ['mode 0604', plain(0o604), /mode 0604.*chmod 600/],
    ['mode 0666', plain(0o666), /mode 0666.*chmod 600/],
    ['a symbolic link', () => symlinkSync(victim(), path), /symbolic link/],
    ['a dangling symbolic link', () => symlinkSync(join(directory, 'nothing'), path), /symbolic link/],
    ['a hard link', () => linkSync(victim(), path), /2 hard links/],
    ['a FIFO', () => execFileSync('mkfifo', ['-m', '600', path]), /not a regular file/],
    ['a directory', () => mkdirSync(path, { mode: 0o700 }), /not a regular file/],
    ['more than 1 MiB', sparse, /1048577 bytes/],
  ];
  it.for(cases)('%s', async ([, plant, message]) => {
    plant();
    const before = lstatSync(path);
    for (const use of uses)
      await expect(use()).rejects.toMatchObject({
        name: 'OAuthError',
        code: 'insecure_file_permissions',
        message: expect.stringMatching(message) as string,
      });
    const { ino, mode, size, mtimeMs } = before;
    expect(lstatSync(path)).toMatchObject({ ino, mode, size, mtimeMs });
  });

  it('a socket', async () => {
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once('listening', resolve));
    await expect(readPrivate(path)).rejects.toMatchObject({ code: 'insecure_file_permissions' });
    await new Promise((resolve) => server.close(resolve));
  });

  it('a file of another user', async ({ skip }) => {
    skip(noOtherUser !== undefined, noOtherUser);
    writeFileSync(path, 'planted', { mode: 0o600 });
    chownSync(path, otherUser, otherUser);
    await expect(readPrivate(path)).rejects.toMatchObject({
      code: 'insecure_file_permissions',
      message: expect.stringContaining('another user') as string,
    });
    expect(readFileSync(path, 'utf8')).toBe('planted');
  });

  it('a file of root, read by another user', async ({ skip }) => {
    skip(noOtherUser !== undefined, noOtherUser);
    writeFileSync(path, 'private', { mode: 0o600 });
    chownSync(directory, otherUser, otherUser);
    const end = await startProcess(program('read'), { task: { path, uid: otherUser } }).ended;
    expect(end).toMatchObject({ code: 0, stdout: expect.stringContaining('insecure_file_permissions: ') as string });
  });
});

describe('a directory in which other users can write is refused', () => {
  it.for([0o770, 0o707, 0o777, 0o1777])('mode %o', async (mode) => {
    await writePrivate(path, 'old');
    chmodSync(directory, mode);
    for (const use of uses)
      await expect(use()).rejects.toMatchObject({
        code: 'insecure_file_permissions',
        message: expect.stringContaining('chmod 700') as string,
      });
    chmodSync(directory, 0o750);
    expect(await readPrivate(path)).toBe('old');
  });

  it('a directory of another user', async ({ skip }) => {
    skip(noOtherUser !== undefined, noOtherUser);
    await writePrivate(path, 'old');
    chownSync(directory, otherUser, otherUser);
    for (const use of uses) await expect(use()).rejects.toMatchObject({ code: 'insecure_file_permissions' });
  });
});

describe('the directory of a private file', () => {
  it('may be a symbolic link to a directory of this user', async () => {
    mkdirSync(join(directory, 'real'), { mode: 0o700 });
    symlinkSync(join(directory, 'real'), join(directory, 'link'));
    await writePrivate(join(directory, 'link', 'a'), 'through');
    expect(readFileSync(join(directory, 'real', 'a'), 'utf8')).toBe('through');
    expect(await readPrivate(join(directory, 'link', 'a'))).toBe('through');
  });

  it('can not be created behind a dangling symbolic link', async () => {
    symlinkSync(join(directory, 'nothing'), join(directory, 'link'));
    expect(await readPrivate(join(directory, 'link', 'a'))).toBeUndefined();
    for (const below of ['a', 'b/a'])
      await expect(writePrivate(join(directory, 'link', below), 'x')).rejects.toMatchObject({
        code: 'storage_unavailable',
      });
  });

  it('is reported if it is not a directory', async () => {
    await writePrivate(path, 'a file');
    await expect(readPrivate(join(path, 'b'))).rejects.toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringContaining('ENOTDIR') as string,
    });
    await expect(writePrivate(join(path, 'b'), '')).rejects.toMatchObject({ code: 'storage_unavailable' });
  });

  it('must be named absolutely, so that no file is created in the working directory', async () => {
    await expect(readPrivate('a.json')).rejects.toThrow(TypeError);
    await expect(writePrivate('./a.json', '')).rejects.toThrow(/absolute, not .\/a.json/);
  });
});
