import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { quarantine, removePrivate, withLock, writePrivate } from '@oa/private-file';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeOrphans } from '../src/orphans.ts';
import { failCall, systemError } from './faulty-fs.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory, 'state', 'a.json');
});
afterEach(() => rmSync(directory, { recursive: true }));
const names = (): string[] => readdirSync(dirname(path)).toSorted();

it('removePrivate removes the file and its reservation, and a link without following it; a missing file is no error', async () => {
  await removePrivate(path);
  expect(existsSync(dirname(path))).toBe(false);
  await writePrivate(path, 'x');
  writeFileSync(`${path}.pending`, '');
  await removePrivate(path);
  expect(names()).toEqual([]);
  symlinkSync(directory, path);
  await removePrivate(path);
  expect(names()).toEqual([]);
  mkdirSync(path);
  await expect(removePrivate(path)).rejects.toMatchObject({ code: 'storage_unavailable' });
});

it('removePrivate reports a read-only file system only where there is something to remove', async () => {
  await writePrivate(path, 'x');
  const restore = failCall('promises.unlink', systemError('EROFS', -30, 'unlink'), Number.POSITIVE_INFINITY);
  await expect(removePrivate(path)).rejects.toMatchObject({ code: 'storage_unavailable', retryable: false });
  rmSync(path);
  await removePrivate(path);
  restore();
});

it('removePrivate removes what it can if a call fails, and reports the failure', async () => {
  for (const [call, left] of [
    [`${path}.pending`, ['a.json.pending']],
    [path, ['a.json']],
  ] as const) {
    await writePrivate(path, 'x');
    writeFileSync(`${path}.pending`, '');
    const restore = failCall('promises.unlink', systemError('EIO', -5, 'unlink'), 1, (file) => file === call);
    await expect(removePrivate(path)).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true });
    restore();
    expect(names()).toEqual(left);
    await removePrivate(path);
  }
});

it('quarantine keeps the content under another name; a missing file is no error', async () => {
  expect(await quarantine(path)).toBeUndefined();
  await writePrivate(path, 'damaged');
  const renamed = await quarantine(path);
  expect(renamed).toMatch(/a\.json\.corrupt-\d+$/);
  expect(readFileSync(renamed ?? '', 'utf8')).toBe('damaged');
  expect(await quarantine(path)).toBeUndefined();
});

it('removeOrphans ignores a missing directory, and reports any other failure', async () => {
  await writePrivate(path, 'x');
  await expect(removeOrphans(path)).rejects.toMatchObject({ code: 'storage_unavailable' });
  await expect(removeOrphans(join(directory, 'no such directory'))).resolves.toBeUndefined();
});

it('a directory that has the name of a temporary file does not prevent the lock', async () => {
  await writePrivate(path, 'x');
  const odd = join(dirname(path), `.${basename(path)}.${'a'.repeat(18)}.tmp`);
  mkdirSync(odd);
  utimesSync(odd, 1, 1);
  expect(await withLock(path, async () => 'worked')).toBe('worked');
  expect(existsSync(odd)).toBe(true);
});
