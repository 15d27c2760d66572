import { readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { withLock } from '@oa/private-file';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failCall, replaceCall, systemError } from './faulty-fs.ts';
import { program } from './programs.ts';

let directory: string;
let path: string;
const restore: (() => void)[] = [];
beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory, 'state', 'a.json');
});
afterEach(() => {
  for (const each of restore.splice(0)) each();
  rmSync(directory, { recursive: true });
});
const names = (): string[] => readdirSync(dirname(path)).toSorted();
const EPERM = systemError('EPERM', -1, 'link');
const EIO = systemError('EIO', -5, 'unlink');

/** Another process creates the lock file just before this one does. The identity of its file is returned later. */
function createElsewhere(): () => number {
  let inode = 0;
  const create = (original: (...args: unknown[]) => unknown) => {
    return (...args: unknown[]): unknown => {
      writeFileSync(`${path}.lock`, '', { mode: 0o600 });
      inode = statSync(`${path}.lock`).ino;
      return original(...args);
    };
  };
  restore.push(replaceCall('linkSync', create));
  return () => inode;
}

describe('a lock file that another process creates at the same moment', () => {
  it('is the one that is locked', async () => {
    const inode = createElsewhere();
    expect(await withLock(path, async () => statSync(`${path}.lock`).ino)).toBe(inode());
    expect(names()).toEqual(['a.json.lock']);
  });

  it('is the one that is locked where there are no hard links', async () => {
    restore.push(failCall('linkSync', EPERM));
    const inode = createElsewhere();
    expect(await withLock(path, async () => statSync(`${path}.lock`).ino)).toBe(inode());
    expect(names()).toEqual(['a.json.lock']);
  });
});

it('reports a lock file that can be neither linked nor created, and leaves nothing', async () => {
  restore.push(
    failCall('linkSync', EPERM),
    failCall('openSync', EIO, 1, (file) => file === `${path}.lock`),
  );
  await expect(withLock(path, async () => 1)).rejects.toMatchObject({
    code: 'storage_unavailable',
    message: expect.stringContaining('(EIO)') as string,
  });
  expect(names()).toEqual([]);
  expect(await withLock(path, async () => 'worked')).toBe('worked');
});

it('is locked if its temporary name can not be removed; an hour later another process removes it', async () => {
  restore.push(failCall('unlinkSync', EIO));
  expect(await withLock(path, async () => 'worked')).toBe('worked');
  const [temporary = ''] = names();
  expect(names()).toEqual([expect.stringMatching(/^\.a\.json\.[\da-f]{18}\.tmp$/), 'a.json.lock']);
  const old = new Date(Date.now() - 3_700_000);
  utimesSync(join(dirname(path), temporary), old, old);
  await startProcess(program('hold'), { task: { path, hold: 0 } }).ended;
  expect(names()).toEqual(['a.json.lock']);
});
