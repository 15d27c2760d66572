import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readPrivate, removePrivate, reservePrivate, setAside, withLock, writePrivate } from '@oa/private-file';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { sweep } from '../src/remove.ts';
import { syncDirectory } from '../src/write.ts';
import { killWriters, program } from './scenarios.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory, 'made', 'for', 'it', 'a.json');
});
afterEach(() => {
  vi.unstubAllGlobals();
  rmSync(directory, { recursive: true });
});
const names = (): string[] => readdirSync(join(directory, 'made', 'for', 'it')).toSorted();
const mode = (name: string): number => statSync(name).mode & 0o7777;

test.for([0o000, 0o002, 0o022, 0o077])('D7: with umask %o directories are 0700 and files 0600', async (umask) => {
  const before = process.umask(umask);
  try {
    await writePrivate(path, 'x');
    const room = await reservePrivate(path);
    expect(mode(`${path}.pending`)).toBe(0o600);
    await room.release();
  } finally {
    process.umask(before);
  }
  expect(mode(path)).toBe(0o600);
  for (const made of ['made', 'made/for', 'made/for/it']) expect(mode(join(directory, made))).toBe(0o700);
  const end = await startProcess(program('hold'), { task: { path: join(directory, 'locked', 'a'), hold: 0, umask } })
    .ended;
  expect(end.code).toBe(0);
  expect(mode(join(directory, 'locked', 'a.lock'))).toBe(0o600);
});

test('D7: a link planted at a guessed temporary name is not followed', async () => {
  await writePrivate(path, 'old');
  const victim = join(directory, 'victim');
  writeFileSync(victim, 'precious');
  vi.spyOn(globalThis.crypto, 'getRandomValues').mockImplementation((array) => array);
  symlinkSync(victim, join(directory, 'made', 'for', 'it', `.a.json.${'0'.repeat(18)}.tmp`));
  await expect(writePrivate(path, 'new')).rejects.toMatchObject({ code: 'storage_unavailable' });
  vi.restoreAllMocks();
  expect([readFileSync(victim, 'utf8'), readFileSync(path, 'utf8')]).toEqual(['precious', 'old']);
  expect(names()).toHaveLength(2);
});

test('D7: 40 kills of 4 writers: no version that a reader saw was torn or empty, and what they left is swept', async () => {
  const seen = await killWriters({ writers: 4, kills: 40 });
  expect(seen).toMatchObject({ kills: 40, torn: 0, empty: 0, unswept: 0 });
  expect(seen.reads).toBeGreaterThan(40);
}, 60_000);

test('a text over 1 MiB is refused, since nobody could read it', async () => {
  await writePrivate(path, 'old');
  await expect(writePrivate(path, 'x'.repeat(1024 * 1024 + 1))).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect(await readPrivate(path)).toBe('old');
  await writePrivate(path, 'x'.repeat(1024 * 1024));
  expect(await readPrivate(path)).toHaveLength(1024 * 1024);
});

describe('D1: a reservation', () => {
  test('takes 32 KiB of disk, is written whole, and leaves nothing behind', async () => {
    await writePrivate(path, 'old');
    const room = await reservePrivate(path);
    expect(room.interrupted).toBe(false);
    const stats = statSync(`${path}.pending`);
    expect(stats.size).toBe(32 * 1024);
    expect(stats.blocks * 512).toBeGreaterThanOrEqual(32 * 1024);
    expect(await readPrivate(path)).toBe('old');
    await room.write('new');
    await room.release();
    expect(await readPrivate(path)).toBe('new');
    expect(names()).toEqual(['a.json']);
  });

  test('takes twice the size of a large file', async () => {
    await writePrivate(path, 'x'.repeat(100_000));
    const room = await reservePrivate(path);
    expect(statSync(`${path}.pending`).size).toBe(200_000);
    await room.release();
    expect(names()).toEqual(['a.json']);
  });

  test('that was never finished is found, and found again, until something is written', async () => {
    await writePrivate(path, 'old');
    const killed = startProcess(program('reserve'), { task: { path } });
    await killed.printed('reserved');
    killed.kill('SIGKILL');
    await killed.ended;
    for (let i = 0; i < 2; i += 1) {
      const room = await reservePrivate(path);
      expect(room.interrupted).toBe(true);
      await room.release();
    }
    const room = await reservePrivate(path);
    await room.write('new');
    await room.release();
    const next = await reservePrivate(path);
    expect(next.interrupted).toBe(false);
    await next.release();
    expect(names()).toEqual(['a.json']);
  });

  test('whose write failed stays as a sign; one whose room was cleared is written all the same', async () => {
    await writePrivate(path, 'old');
    const room = await reservePrivate(path);
    await expect(room.write('x'.repeat(2_000_000))).rejects.toMatchObject({ code: 'storage_unavailable' });
    await room.release();
    expect(names()).toEqual(['a.json']);

    const refused = await reservePrivate(path);
    rmSync(path);
    symlinkSync('elsewhere', path);
    await expect(refused.write('new')).rejects.toMatchObject({ code: 'insecure_file_permissions' });
    await refused.release();
    rmSync(path);

    const cleared = await reservePrivate(path);
    rmSync(`${path}.pending`);
    await cleared.write('new');
    await cleared.release();
    expect(await readPrivate(path)).toBe('new');
    expect(names()).toEqual(['a.json']);
  });

  test('D7: planted by somebody else is refused', async () => {
    await writePrivate(path, 'old');
    const victim = join(directory, 'victim');
    writeFileSync(victim, 'precious', { mode: 0o600 });
    symlinkSync(victim, `${path}.pending`);
    await expect(reservePrivate(path)).rejects.toMatchObject({ code: 'insecure_file_permissions' });
    expect(readFileSync(victim, 'utf8')).toBe('precious');
    rmSync(`${path}.pending`);
    writeFileSync(`${path}.pending`, '');
    await expect(reservePrivate(path)).rejects.toMatchObject({ code: 'insecure_file_permissions' });
    rmSync(`${path}.pending`);
    mkdirSync(`${path}.pending`);
    await expect(reservePrivate(path)).rejects.toMatchObject({ code: 'insecure_file_permissions' });
  });
});

test('removePrivate removes the file and its reservation, links without following them, and nothing is no error', async () => {
  await removePrivate(path);
  expect(existsSync(join(directory, 'made'))).toBe(false);
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

test('setAside keeps the content under another name, and nothing is no error', async () => {
  expect(await setAside(path)).toBeUndefined();
  await writePrivate(path, 'damaged');
  const aside = await setAside(path);
  expect(aside).toMatch(/a\.json\.corrupt-\d+$/);
  expect(readFileSync(aside ?? '', 'utf8')).toBe('damaged');
  expect(await setAside(path)).toBeUndefined();
});

test.runIf(process.platform === 'linux')(
  'a file system that cannot sync directories is no error; any other trouble is',
  async () => {
    await syncDirectory('/proc'); // EINVAL
    await writePrivate(path, 'x');
    await expect(sweep(join(path, 'below a file'))).rejects.toMatchObject({ code: 'storage_unavailable' });
    await sweep(join(directory, 'no', 'such', 'directory'));
  },
);

test('what only looks like an abandoned temporary file does not keep anybody from the lock', async () => {
  await writePrivate(path, 'x');
  const odd = join(dirname(path), `.${basename(path)}.${'a'.repeat(18)}.tmp`);
  mkdirSync(odd);
  utimesSync(odd, 1, 1);
  expect(await withLock(path, async () => 'worked')).toBe('worked');
  expect(existsSync(odd)).toBe(true);
});

test('D1: content is on the disk before its name, and its name before anybody is told', async () => {
  const { stdout } = await startProcess(program('order'), { task: { path } }).ended;
  const durable = 'sync file, rename, sync directory';
  expect(stdout).toBe(`${durable}, reserve, sync file, sync directory, write, ${durable}`);
});
