import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPrivate, removePrivate, reservePrivate, setAside, withLock, writePrivate } from '@oa/private-file';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { temporaryDirectory } from './scenarios.ts';

/** A file system of 256 KiB of our own. Where mounting is not allowed its tests are skipped; under CI as root that is a failure. */
const directory = temporaryDirectory();
const refused = mount();
const path = join(directory, 'a.json');
const ballast = join(directory, 'ballast');

function mount(): string | undefined {
  if (process.platform !== 'linux' || process.geteuid?.() !== 0) return 'mounting a tmpfs takes root on Linux';
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=0700', 'tmpfs', directory], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    return 'mounting a tmpfs is not allowed here';
  }
}

/** Leaves `left` bytes of the disk. */
function fill(left: number): void {
  const { bavail, bsize } = statfsSync(directory);
  writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - left), 1));
}

describe.skipIf(refused !== undefined)(
  `D1, D7: a full disk${refused === undefined ? '' : ` (skipped: ${refused})`}`,
  () => {
    beforeEach(async () => {
      rmSync(ballast, { force: true });
      await removePrivate(path);
      await writePrivate(path, 'old');
    });
    afterAll(() => {
      execFileSync('umount', [directory]);
      rmSync(directory, { recursive: true });
    });
    const full = { code: 'storage_unavailable', message: expect.stringContaining('free some space') as string };

    test('no room: neither a write nor a reservation succeeds, the old file is intact, the lock works', async () => {
      fill(0);
      await expect(writePrivate(path, 'new')).rejects.toMatchObject(full);
      await expect(reservePrivate(path)).rejects.toMatchObject(full);
      expect(await readPrivate(path)).toBe('old');
      expect(readdirSync(directory).filter((name) => /tmp|pending/.test(name))).toEqual([]);
      expect(await withLock(path, async () => 'locked')).toBe('locked');
    });

    test('room for a part: the same', async () => {
      fill(16 * 1024);
      await expect(writePrivate(path, 'x'.repeat(30_000))).rejects.toMatchObject(full);
      await expect(reservePrivate(path)).rejects.toMatchObject(full);
      expect(await readPrivate(path)).toBe('old');
      expect(readdirSync(directory).filter((name) => /tmp|pending/.test(name))).toEqual([]);
    });

    test('filling after the reservation: the new content is stored', async () => {
      const room = await reservePrivate(path);
      fill(0);
      await room.write('n'.repeat(32 * 1024));
      await room.release();
      expect(await readPrivate(path)).toBe('n'.repeat(32 * 1024));
    });

    test('more than was reserved on a full disk: an error, the old content, and the sign of the interruption', async () => {
      const room = await reservePrivate(path);
      fill(0);
      await expect(room.write('n'.repeat(100_000))).rejects.toMatchObject(full);
      await room.release();
      expect(await readPrivate(path)).toBe('old');
      rmSync(ballast);
      const next = await reservePrivate(path);
      expect(next.interrupted).toBe(true);
      await next.write('new');
      await next.release();
    });

    test('read-only: what is there is read; a lock, which could exclude nobody, is refused', async () => {
      execFileSync('mount', ['-o', 'remount,ro', directory]);
      try {
        const readOnly = { code: 'storage_unavailable', message: expect.stringContaining('read-only') as string };
        expect(await readPrivate(path)).toBe('old');
        await expect(writePrivate(path, 'new')).rejects.toMatchObject(readOnly);
        await expect(reservePrivate(path)).rejects.toMatchObject(readOnly);
        await expect(withLock(path, async () => 'locked')).rejects.toMatchObject(readOnly);
        await expect(removePrivate(path)).rejects.toMatchObject(readOnly);
        await expect(setAside(path)).rejects.toMatchObject(readOnly);
        await expect(writePrivate(join(directory, 'new', 'a.json'), 'new')).rejects.toMatchObject(readOnly);
      } finally {
        execFileSync('mount', ['-o', 'remount,rw', directory]);
      }
      expect(readFileSync(path, 'utf8')).toBe('old');
    });
  },
);
