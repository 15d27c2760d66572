import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { mountSmallDisk, startProcess, type TestProcess } from '@oa-internal/testing';
import { fileTokenCache } from '@oa/token-cache';
import { afterAll, describe, expect, it } from 'vitest';
import { fileNames, KEY, TOKEN, useCache } from './setup.ts';

const fixture = useCache();

async function startReserving(): Promise<TestProcess> {
  const program = new URL('programs/reserve.ts', import.meta.url);
  const { directory } = fixture;
  const holder = startProcess(program, { task: { directory, key: KEY } });
  await holder.printed('reserved');
  return holder;
}

describe('lock', () => {
  it('lets one of 200 calls in a process do the work', async () => {
    const { cache } = fixture;
    let obtained = 0;
    const work = async (): Promise<string> => {
      const stored = await cache.get(KEY);
      if (stored !== undefined) return stored.access_token;
      obtained += 1;
      await sleep(20);
      await cache.set(KEY, TOKEN);
      return TOKEN.access_token;
    };
    const found = await Promise.all(Array.from({ length: 200 }, async () => cache.lock(KEY, work)));
    expect(new Set(found)).toEqual(new Set(['at']));
    expect(obtained).toBe(1);
  });

  it('lets one of 8 threads do the work', async () => {
    const counter = new SharedArrayBuffer(4);
    const threads = Array.from({ length: 8 }, async () => {
      const worker = new Worker(new URL('programs/thread.ts', import.meta.url), {
        workerData: { directory: fixture.directory, key: KEY, counter },
        execArgv: ['--conditions=@oa/source'],
      });
      return new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
    });
    expect(new Set(await Promise.all(threads))).toEqual(new Set([0]));
    expect([...new Int32Array(counter)]).toEqual([1]);
  });

  it('is free as soon as its killed holder has ended, after no more than two further looks', async () => {
    const { cache } = fixture;
    const holder = await startReserving();
    const looked = Promise.withResolvers<void>();
    let looks = 0;
    const whileWaiting = (): undefined => {
      looks += 1;
      looked.resolve();
    };
    const next = cache.lock(KEY, async () => [looks, await cache.reserve(KEY)] as const, { whileWaiting });
    await looked.promise;
    holder.kill('SIGKILL');
    await holder.ended;
    const before = looks;
    const [after, reserved] = await next;
    // The last look is taken with the lock held.
    expect(after - before).toBeLessThanOrEqual(2);
    expect(reserved).toEqual({ interrupted: true });
  });
});

describe('reserve', () => {
  it('throws a TypeError without the lock; with it, it can be called again', async () => {
    const { cache } = fixture;
    await expect(cache.reserve(KEY)).rejects.toThrow(TypeError);
    await cache.lock(KEY, async () => {
      await cache.reserve(KEY);
      expect(await cache.reserve(KEY)).toEqual({ interrupted: false });
    });
    expect(fileNames(fixture).filter((name) => name.endsWith('pending'))).toEqual([]);
  });
});

describe('set with the lock held', () => {
  it('removes the reservation that a killed process has left, also without a reservation of its own', async () => {
    const { cache, file } = fixture;
    const holder = await startReserving();
    holder.kill('SIGKILL');
    await holder.ended;
    expect(existsSync(`${file}.pending`)).toBe(true);
    await cache.lock(KEY, async () => cache.set(KEY, TOKEN));
    expect(existsSync(`${file}.pending`)).toBe(false);
    expect(await cache.lock(KEY, async () => cache.reserve(KEY))).toEqual({ interrupted: false });
    expect(await cache.get(KEY)).toEqual(TOKEN);
  });

  it('can be called twice after one reservation', async () => {
    const { cache } = fixture;
    await cache.lock(KEY, async () => {
      await cache.reserve(KEY);
      await cache.set(KEY, { ...TOKEN, access_token: 'first' });
      await cache.set(KEY, TOKEN);
    });
    expect(await cache.get(KEY)).toEqual(TOKEN);
    expect(fileNames(fixture).filter((name) => name.endsWith('pending'))).toEqual([]);
  });
});

const disk = mountSmallDisk(256);
afterAll(() => disk.close());

describe.skipIf(disk.refused !== undefined)('a disk without room', () => {
  const directory = join(disk.directory, 'tokens');

  it('is reported by reserve, before a request; a disk that fills afterwards still takes the token', async () => {
    const cache = fileTokenCache({ directory });
    await cache.set(KEY, TOKEN);
    for (const room of [0, 16 * 1024]) {
      disk.fill(room);
      let requested = false;
      const refresh = cache.lock(KEY, async () => {
        await cache.reserve(KEY);
        requested = true;
      });
      await expect(refresh).rejects.toMatchObject({ code: 'storage_unavailable' });
      expect(requested).toBe(false);
      expect(await fileTokenCache({ directory }).get(KEY)).toEqual(TOKEN);
      disk.empty();
    }
    const renewed = { ...TOKEN, access_token: 'renewed', refresh_token: 'rotated' };
    await cache.lock(KEY, async () => {
      await cache.reserve(KEY);
      disk.fill(0);
      await cache.set(KEY, renewed);
    });
    expect(await fileTokenCache({ directory }).get(KEY)).toEqual(renewed);
    disk.empty();
  });

  it('that is read-only still serves what is stored; a lock is refused before any work', async () => {
    const cache = fileTokenCache({ directory });
    await cache.set(KEY, TOKEN);
    disk.remount('ro');
    try {
      let worked = false;
      const work = async (): Promise<void> => {
        worked = true;
      };
      await expect(cache.lock(KEY, work)).rejects.toMatchObject({ code: 'storage_unavailable' });
      expect(worked).toBe(false);
      expect(await fileTokenCache({ directory }).get(KEY)).toEqual(TOKEN);
    } finally {
      disk.remount('rw');
    }
  });
});
