import { randomBytes } from 'node:crypto';
import fs, {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { mountSmallDisk, sourceArguments, startProcess, type TestProcess } from '@oa-internal/testing';
import { fileTokenCache } from '@oa/token-cache';
import { OAuthError, type Token } from '@oa/types';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { fileNames, KEY, OTHER_KEY, TOKEN, useCache } from './setup.ts';

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

  it('lets get read the file while its work runs, and then the memory', async () => {
    const { cache } = fixture;
    await cache.set(KEY, TOKEN);
    for (let turn = 0; turn < 2; turn += 1) {
      const [started, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const call = cache.lock(KEY, () => (started.resolve(), end.promise));
      await started.promise;
      await cache.get(KEY);
      expect(cache.get(KEY)).toBeInstanceOf(Promise);
      expect(cache.peek(KEY)).toBeUndefined();
      end.resolve();
      await call;
    }
    await cache.get(KEY);
    expect(cache.get(KEY)).toEqual(TOKEN);
  });

  it('reads the file once for all looks of a wait during which it stays as it is, and at once when it changes', async () => {
    const { cache, directory } = fixture;
    const other = fileTokenCache({ directory });
    await other.set(KEY, TOKEN);
    const end = Promise.withResolvers<void>();
    const holder = other.lock(KEY, () => end.promise);
    const reads: boolean[] = [];
    const whileWaiting = async (): Promise<string | undefined> => {
      if (reads.length === 3) await other.set(KEY, { ...TOKEN, access_token: 'newer' });
      const found = cache.get(KEY);
      reads.push(found instanceof Promise);
      const token = await found;
      return token?.access_token === 'newer' ? 'adopted' : undefined;
    };
    expect(await cache.lock(KEY, async () => 'locked', { whileWaiting })).toBe('adopted');
    expect(reads).toEqual([true, false, false, true]);
    end.resolve();
    await holder;
  });

  it('lets one of 8 threads do the work', async () => {
    const counter = new SharedArrayBuffer(4);
    const threads = Array.from({ length: 8 }, async () => {
      const worker = new Worker(new URL('programs/thread.ts', import.meta.url), {
        workerData: { directory: fixture.directory, key: KEY, counter },
        execArgv: [...sourceArguments],
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
    expect(reserved).toMatchObject({ interrupted: true });
  });
});

describe('reserve', () => {
  it('throws a TypeError without the lock; with it, it can be called again', async () => {
    const { cache } = fixture;
    await expect(cache.reserve(KEY)).rejects.toThrow(TypeError);
    await cache.lock(KEY, async () => {
      await cache.reserve(KEY);
      const { interrupted, release } = await cache.reserve(KEY);
      expect(interrupted).toBe(false);
      await release();
    });
    expect(fileNames(fixture).filter((name) => name.endsWith('pending'))).toEqual([]);
  });
});

describe('the sign of an interruption', () => {
  async function isInterrupted(): Promise<boolean> {
    const other = fileTokenCache({ directory: fixture.directory });
    return other.lock(KEY, async () => {
      const { interrupted, release } = await other.reserve(KEY);
      await release();
      return interrupted;
    });
  }

  it('stays after the lock if the outcome of the request is unknown, until a token is stored', async () => {
    const { cache } = fixture;
    const lost = new OAuthError('network_error', 'The answer was lost.', { retryable: true });
    const work = async (): Promise<never> => cache.reserve(KEY).then(() => Promise.reject(lost));
    await expect(cache.lock(KEY, work)).rejects.toBe(lost);
    // A released reservation keeps the sign of the earlier one.
    expect([await isInterrupted(), await isInterrupted()]).toEqual([true, true]);
    await cache.lock(KEY, async () => cache.set(KEY, TOKEN));
    expect(await isInterrupted()).toBe(false);
  });

  it('is removed by release, but not by one that comes after the lock', async () => {
    const { cache, file } = fixture;
    const released = await cache.lock(KEY, async () => {
      const reserved = await cache.reserve(KEY);
      await reserved.release();
      return reserved;
    });
    expect(existsSync(`${file}.pending`)).toBe(false);
    const late = await cache.lock(KEY, async () => cache.reserve(KEY));
    await late.release();
    await released.release();
    expect(await isInterrupted()).toBe(true);
  });

  it('is removed by delete', async () => {
    const { cache } = fixture;
    await cache.lock(KEY, async () => (await cache.reserve(KEY), cache.delete(KEY)));
    expect(await isInterrupted()).toBe(false);
  });
});

describe('a whole token that an earlier holder has left', () => {
  const successor = { ...TOKEN, access_token: 'successor', refresh_token: 'rotated' };

  /** Leaves a token as a process does that is killed before the rename. */
  async function leave(token: Token, key = KEY): Promise<void> {
    const { directory, file, root } = fixture;
    const elsewhere = join(root, 'elsewhere');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    await fileTokenCache({ directory: elsewhere }).set(key, token);
    const [name = ''] = readdirSync(elsewhere);
    renameSync(join(elsewhere, name), `${file}.pending`);
  }

  it('is in its place when the work with the lock begins', async () => {
    const { cache, directory } = fixture;
    await cache.set(KEY, { ...TOKEN, refresh_token: 'used' });
    await leave(successor);
    const other = fileTokenCache({ directory });
    expect(await other.lock(KEY, async () => other.get(KEY))).toEqual(successor);
    expect(fileNames(fixture).filter((name) => name.endsWith('.pending'))).toEqual([]);
    expect(await other.lock(KEY, async () => other.reserve(KEY))).toMatchObject({ interrupted: false });
  });

  it('is in its place where nothing or a refused file is stored', async () => {
    const { cache, file } = fixture;
    await leave(successor);
    expect(await cache.lock(KEY, async () => cache.get(KEY))).toEqual(successor);
    chmodSync(file, 0o640);
    await leave({ ...successor, access_token: 'next' });
    expect(await cache.lock(KEY, async () => cache.get(KEY))).toMatchObject({ access_token: 'next' });
  });

  it('is found without a lock where nothing is stored, and no holder of the lock is waited for', async () => {
    await leave(successor);
    const { directory } = fixture;
    const [reader, holder] = [fileTokenCache({ directory }), fileTokenCache({ directory })];
    expect(await reader.get(KEY)).toEqual(successor);
    await holder.delete(KEY);
    await holder.lock(KEY, async () => {
      await holder.reserve(KEY);
      expect(await reader.get(KEY)).toBeUndefined();
      expect(await holder.get(KEY)).toBeUndefined();
    });
  });

  it('counts as missing without a lock where the lock is refused', async () => {
    await leave(successor);
    const { directory, file } = fixture;
    writeFileSync(`${file}.lock`, '');
    chmodSync(`${file}.lock`, 0o644);
    expect(await fileTokenCache({ directory }).get(KEY)).toBeUndefined();
    expect(existsSync(`${file}.pending`)).toBe(true);
  });

  it('does not count as missing if it can not be put in its place at this moment', async () => {
    await leave(successor);
    const { cache } = fixture;
    const busy = Object.assign(new Error('EBUSY: rename'), { code: 'EBUSY', errno: -16, syscall: 'rename' });
    const rename = vi.spyOn(fs.promises, 'rename').mockRejectedValueOnce(busy);
    syncBuiltinESMExports();
    try {
      await expect(cache.get(KEY)).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true });
    } finally {
      rename.mockRestore();
      syncBuiltinESMExports();
    }
    expect(await cache.get(KEY)).toEqual(successor);
  });

  it('is found by a process that waited for the lock, and does not come back after a logout', async () => {
    const { cache, file } = fixture;
    await cache.set(KEY, TOKEN);
    await leave(successor);
    await cache.delete(KEY);
    expect(existsSync(`${file}.pending`)).toBe(false);
    expect(await cache.lock(KEY, async () => cache.get(KEY))).toBeUndefined();
  });

  it.for<[string, () => Promise<unknown>]>([
    ['random bytes', async () => writeFileSync(`${fixture.file}.pending`, randomBytes(32_768), { mode: 0o600 })],
    ['the token of another key', async () => leave(successor, OTHER_KEY)],
    [
      'a cut token',
      async () => {
        await leave(successor);
        truncateSync(`${fixture.file}.pending`, 150);
      },
    ],
    [
      'a token that other users could have planted',
      async () => {
        await leave(successor);
        chmodSync(`${fixture.file}.pending`, 0o644);
      },
    ],
    [
      'a link',
      async () => {
        await leave(successor);
        renameSync(`${fixture.file}.pending`, join(fixture.root, 'victim'));
        symlinkSync(join(fixture.root, 'victim'), `${fixture.file}.pending`);
      },
    ],
  ])('is not read from %s, which counts as an interruption', async ([, plant]) => {
    const { cache } = fixture;
    await cache.set(KEY, TOKEN);
    await plant();
    await cache.lock(KEY, async () => {
      expect(await cache.get(KEY)).toEqual(TOKEN);
      expect((await cache.reserve(KEY)).interrupted).toBe(true);
    });
  });

  it('does not replace a file of a newer format', async () => {
    const { cache, file } = fixture;
    await leave(successor);
    writeFileSync(file, '{"format":3}', { mode: 0o600 });
    await cache.lock(KEY, async () => {
      await expect(cache.get(KEY)).rejects.toMatchObject({ code: 'newer_file_format' });
      await expect(cache.reserve(KEY)).rejects.toMatchObject({ code: 'newer_file_format' });
    });
    expect(readFileSync(file, 'utf8')).toBe('{"format":3}');
  });

  it('does not replace a token that was stored later without the lock', async () => {
    const { cache } = fixture;
    await cache.set(KEY, TOKEN);
    await leave(successor);
    await cache.set(KEY, { ...TOKEN, access_token: 'later' });
    expect(await cache.lock(KEY, async () => cache.get(KEY))).toMatchObject({ access_token: 'later' });
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
    expect(await cache.lock(KEY, async () => cache.reserve(KEY))).toMatchObject({ interrupted: false });
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
