import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mountSmallDisk } from '@oa-internal/testing';
import { readPrivate, removePrivate, reservePrivate, setAside, withLock, writePrivate } from '@oa/private-file';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

const disk = mountSmallDisk(256);
if (disk.refused !== undefined) process.stderr.write(`The tests of a full disk are skipped: ${disk.refused}.\n`);

describe.skipIf(disk.refused !== undefined)('D1, D7: a full disk', () => {
  const path = join(disk.directory, 'a.json');
  const leftovers = (): string[] => readdirSync(disk.directory).filter((name) => /tmp|pending/.test(name));
  const full = { code: 'storage_unavailable', message: expect.stringContaining('free some space') as string };
  beforeEach(async () => {
    disk.empty();
    await removePrivate(path);
    await writePrivate(path, 'old');
  });
  afterEach(() => vi.restoreAllMocks());
  afterAll(() => disk.close());

  test('no room: neither a write nor a reservation succeeds, the old file is intact, the lock works', async () => {
    disk.fill(0);
    await expect(writePrivate(path, 'new')).rejects.toMatchObject(full);
    await expect(reservePrivate(path)).rejects.toMatchObject(full);
    expect(await readPrivate(path)).toBe('old');
    expect(leftovers()).toEqual([]);
    expect(await withLock(path, async () => 'locked')).toBe('locked');
  });

  test('room for a part: the same', async () => {
    disk.fill(16 * 1024);
    await expect(writePrivate(path, 'x'.repeat(30_000))).rejects.toMatchObject(full);
    await expect(reservePrivate(path)).rejects.toMatchObject(full);
    expect(await readPrivate(path)).toBe('old');
    expect(leftovers()).toEqual([]);
  });

  test('filling after the reservation: the new content is stored', async () => {
    const room = await reservePrivate(path);
    disk.fill(0);
    await room.write('n'.repeat(32 * 1024));
    await room.release();
    expect(await readPrivate(path)).toBe('n'.repeat(32 * 1024));
  });

  test('more than was reserved, on a full disk: an error, the old content, and the sign of the interruption', async () => {
    const room = await reservePrivate(path);
    disk.fill(0);
    await expect(room.write('n'.repeat(100_000))).rejects.toMatchObject(full);
    await room.release();
    expect(await readPrivate(path)).toBe('old');
    disk.empty();
    const next = await reservePrivate(path);
    expect(next.interrupted).toBe(true);
    await next.write('new');
    await next.release();
  });

  test('a found reservation whose disk is full stays', async () => {
    writeFileSync(`${path}.pending`, '', { mode: 0o600 });
    disk.fill(0);
    await expect(reservePrivate(path)).rejects.toMatchObject(full);
    expect(leftovers()).toEqual(['a.json.pending']);
  });

  test('read-only: what is there is read; a lock, which could exclude nobody, is refused', async () => {
    disk.remount('ro');
    try {
      const readOnly = { code: 'storage_unavailable', message: expect.stringContaining('read-only') as string };
      expect(await readPrivate(path)).toBe('old');
      await expect(writePrivate(path, 'new')).rejects.toMatchObject(readOnly);
      await expect(reservePrivate(path)).rejects.toMatchObject(readOnly);
      await expect(withLock(path, async () => 'locked')).rejects.toMatchObject(readOnly);
      await expect(removePrivate(path)).rejects.toMatchObject(readOnly);
      await expect(setAside(path)).rejects.toMatchObject(readOnly);
      await expect(writePrivate(join(disk.directory, 'new', 'deep', 'a'), '')).rejects.toMatchObject(readOnly);
    } finally {
      disk.remount('rw');
    }
    expect(readFileSync(path, 'utf8')).toBe('old');
  });

  test('a target that is busy for a while, as on Windows: the rename is tried again there, elsewhere not', async () => {
    // Something mounted on the file: rename then says EBUSY, as Windows does while a virus scanner reads.
    execFileSync('mount', ['--bind', path, path]);
    await expect(writePrivate(path, 'new')).rejects.toMatchObject({
      message: expect.stringContaining('EBUSY') as string,
    });
    const platform = Object.getOwnPropertyDescriptor(process, 'platform') ?? {};
    Object.defineProperty(process, 'platform', { ...platform, value: 'win32' });
    try {
      const written = writePrivate(path, 'new');
      setTimeout(() => execFileSync('umount', [path]), 100);
      await written;
      expect(await readPrivate(path)).toBe('new');
    } finally {
      Object.defineProperty(process, 'platform', platform);
    }
  });
});
