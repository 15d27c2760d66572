import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mountSmallDisk } from '@oa-internal/testing';
import { quarantine, readPrivate, removePrivate, reservePrivate, withLock, writePrivate } from '@oa/private-file';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const disk = mountSmallDisk(256);
if (disk.refused !== undefined) process.stderr.write(`The tests of a full disk are skipped: ${disk.refused}.\n`);

describe.skipIf(disk.refused !== undefined)('on a small disk', () => {
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

  it('without room neither a write nor a reservation succeeds, the old file is intact, and the lock works', async () => {
    disk.fill(0);
    await expect(writePrivate(path, 'new')).rejects.toMatchObject(full);
    await expect(reservePrivate(path)).rejects.toMatchObject(full);
    expect(await readPrivate(path)).toBe('old');
    expect(leftovers()).toEqual([]);
    expect(await withLock(path, async () => 'locked')).toBe('locked');
  });

  it('with room for a part neither a write nor a reservation succeeds, and the old file is intact', async () => {
    disk.fill(16 * 1024);
    await expect(writePrivate(path, 'x'.repeat(30_000))).rejects.toMatchObject(full);
    await expect(reservePrivate(path)).rejects.toMatchObject(full);
    expect(await readPrivate(path)).toBe('old');
    expect(leftovers()).toEqual([]);
  });

  it('a disk that fills after the reservation still takes the new content', async () => {
    const room = await reservePrivate(path);
    disk.fill(0);
    await room.write('n'.repeat(32 * 1024));
    await room.release();
    expect(await readPrivate(path)).toBe('n'.repeat(32 * 1024));
  });

  it('a write larger than the reservation fails, keeps the old content, and leaves the sign of an interruption', async () => {
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

  it('a reservation of a killed process stays if a new one finds the disk full', async () => {
    writeFileSync(`${path}.pending`, '', { mode: 0o600 });
    disk.fill(0);
    await expect(reservePrivate(path)).rejects.toMatchObject(full);
    expect(leftovers()).toEqual(['a.json.pending']);
  });

  it('read-only: files are read; everything else is refused, the lock too, since it would exclude no other process', async () => {
    disk.remount('ro');
    try {
      const readOnly = { code: 'storage_unavailable', message: expect.stringContaining('read-only') as string };
      expect(await readPrivate(path)).toBe('old');
      await expect(writePrivate(path, 'new')).rejects.toMatchObject(readOnly);
      await expect(reservePrivate(path)).rejects.toMatchObject(readOnly);
      await expect(withLock(path, async () => 'locked')).rejects.toMatchObject(readOnly);
      await expect(removePrivate(path)).rejects.toMatchObject(readOnly);
      await expect(quarantine(path)).rejects.toMatchObject(readOnly);
      await expect(writePrivate(join(disk.directory, 'new', 'deep', 'a'), '')).rejects.toMatchObject(readOnly);
    } finally {
      disk.remount('rw');
    }
    expect(readFileSync(path, 'utf8')).toBe('old');
  });

  it('the rename to a busy target is repeated on Windows, and fails elsewhere', async () => {
    // The file is a mount point: rename then fails with EBUSY, as on Windows while a virus scanner reads.
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
