// What another user can plant beside a private file, and limits that an attacker sets before the program starts.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { quarantine, readPrivate, removePrivate, reservePrivate, withLock, writePrivate } from '@oa/private-file';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asOtherUser, noOtherUser, otherUser } from '../other-user.ts';
import { program } from '../programs.ts';

let root: string;
let path: string;
beforeEach(async () => {
  root = temporaryDirectory();
  chmodSync(root, 0o755);
  path = join(root, 'mine', 'a.json');
  await writePrivate(path, 'mine');
});
afterEach(() => rmSync(root, { recursive: true }));

const insecure = { code: 'insecure_file_permissions' };

describe('another user who can enter the directory', () => {
  it('can plant, read and replace nothing in it', async ({ skip }) => {
    skip(noOtherUser !== undefined, noOtherUser);
    chmodSync(dirname(path), 0o755);
    await withLock(path, async () => {
      const room = await reservePrivate(path);
      asOtherUser(() => {
        for (const name of ['a.json', 'a.json.lock', 'a.json.pending'])
          expect(() => readFileSync(join(dirname(path), name))).toThrow(/EACCES/);
        for (const name of ['a.json.pending', 'a.json.corrupt-1', 'b.json', '.a.json.000000000000000000.tmp'])
          expect(() => writeFileSync(join(dirname(path), name), 'planted')).toThrow(/EACCES/);
        expect(() => renameSync(path, join(root, 'stolen'))).toThrow(/EACCES/);
        expect(() => symlinkSync('elsewhere', join(dirname(path), 'c.json'))).toThrow(/EACCES/);
      });
      await room.release();
    });
    expect(readdirSync(dirname(path)).toSorted()).toEqual(['a.json', 'a.json.lock']);
  });

  it('is refused with what it planted, if the directory was open to its writes before', async ({ skip }) => {
    skip(noOtherUser !== undefined, noOtherUser);
    chmodSync(dirname(path), 0o777);
    asOtherUser(() => {
      writeFileSync(`${path}.pending`, 'planted', { mode: 0o600 });
      writeFileSync(`${path}.lock`, '', { mode: 0o600 });
      writeFileSync(join(dirname(path), 'b.json'), 'planted', { mode: 0o600 });
    });
    for (const use of [readPrivate, reservePrivate]) await expect(use(path)).rejects.toMatchObject(insecure);
    chmodSync(dirname(path), 0o700);
    await expect(reservePrivate(path)).rejects.toMatchObject(insecure);
    await expect(withLock(path, async () => 1)).rejects.toMatchObject(insecure);
    await expect(readPrivate(join(dirname(path), 'b.json'))).rejects.toMatchObject(insecure);
    expect(await readPrivate(path)).toBe('mine');
    // Removing does not need trust.
    await removePrivate(path);
    expect(readdirSync(dirname(path)).toSorted()).toEqual(['a.json.lock', 'b.json']);
  });
});

it('a link in place of a damaged file is moved aside without being followed', async () => {
  const victim = join(root, 'victim');
  writeFileSync(victim, 'precious', { mode: 0o600 });
  rmSync(path);
  symlinkSync(victim, path);
  const aside = (await quarantine(path)) ?? '';
  expect([readFileSync(victim, 'utf8'), existsSync(path), aside]).toEqual([
    'precious',
    false,
    expect.stringContaining('.corrupt-'),
  ]);
});

it('a hard link in the directory of another user lets nothing be read through it, and is noticed', async ({ skip }) => {
  skip(noOtherUser !== undefined, noOtherUser);
  const theirs = join(root, 'theirs');
  mkdirSync(theirs);
  // Only root can do this where fs.protected_hardlinks is 1.
  linkSync(path, join(theirs, 'link'));
  chownSync(theirs, otherUser, otherUser);
  expect(() => asOtherUser(() => readFileSync(join(theirs, 'link')))).toThrow(/EACCES/);
  await expect(readPrivate(path)).rejects.toMatchObject(insecure);
});

it('a link to another directory of this user, swapped in between two calls, is followed by all later calls alike', async () => {
  const other = join(root, 'other');
  await writePrivate(join(other, 'a.json'), 'of the other');
  const room = await reservePrivate(path);
  renameSync(dirname(path), join(root, 'aside'));
  symlinkSync(other, dirname(path));
  expect(await readPrivate(path)).toBe('of the other');
  await writePrivate(path, 'new');
  expect(readFileSync(join(other, 'a.json'), 'utf8')).toBe('new');
  // The reserved room was moved with the first directory.
  await room.write('reserved');
  await room.release();
  expect(readFileSync(join(other, 'a.json'), 'utf8')).toBe('reserved');
  expect(readFileSync(join(root, 'aside', 'a.json'), 'utf8')).toBe('mine');
});

describe.skipIf(process.platform === 'win32')('a limit of the file size (ulimit -f)', () => {
  /** Runs a program that may write files of 16 KiB. */
  const limited = ['sh', '-c', 'ulimit -f 32 2>/dev/null; exec "$0" "$@"'];
  const run = async (task: object): Promise<string> => {
    const end = await startProcess(program('limit'), { task: { path, ...task }, under: limited }).ended;
    return end.stdout + end.stderr;
  };

  it('lets a small write through, and refuses a large one without harm to the file', async () => {
    expect(await run({ write: 100 })).toBe('written');
    expect(await run({ write: 60_000 })).toMatch(/^storage_unavailable: .*EFBIG.*ulimit -f/);
    expect(await readPrivate(path)).toBe('x'.repeat(100));
    expect(readdirSync(dirname(path))).toEqual(['a.json']);
  });

  it('is found by a reservation, before a request whose answer could not be stored', async () => {
    expect(await run({ reserve: true })).toMatch(/^storage_unavailable: .*EFBIG.*ulimit -f/);
    expect(await readPrivate(path)).toBe('mine');
    expect(readdirSync(dirname(path))).toEqual(['a.json']);
  });
});

it('a FIFO in place of a lock file does not keep a call waiting', async () => {
  execFileSync('mkfifo', ['-m', '600', `${path}.lock`]);
  await expect(withLock(path, async () => 1)).rejects.toMatchObject(insecure);
});
