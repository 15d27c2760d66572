import { existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { sourceArguments, startProcess, temporaryDirectory, type TestProcess } from '@oa-internal/testing';
import { withLock, type FileLock } from '@oa/private-file';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { lockPauseMs } from '../src/lock.ts';
import { failCall, systemError } from './faulty-fs.ts';
import { program } from './programs.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory, 'state', 'a.json');
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true });
});

async function startHolder(hold = 60_000): Promise<TestProcess> {
  const holder = startProcess(program('hold'), { task: { path, hold } });
  await holder.printed('held');
  return holder;
}

describe('between processes', () => {
  it('a killed holder frees the lock at its end: no wait for an expiry, and no more than one further look', async () => {
    const holder = await startHolder();
    const looked = Promise.withResolvers<void>();
    let looks = 0;
    const whileWaiting = (): undefined => {
      looks += 1;
      looked.resolve();
    };
    const next = withLock(path, async () => looks, { whileWaiting });
    await looked.promise;
    holder.kill('SIGKILL');
    await holder.ended;
    const before = looks;
    expect((await next) - before).toBeLessThanOrEqual(1);
  });

  it('a stopped holder keeps the lock', async () => {
    const stopped = await startHolder(100);
    stopped.kill('SIGSTOP');
    await expect(withLock(path, async () => 'taken over', { timeout: 1500 })).rejects.toMatchObject({
      code: 'lock_timeout',
      retryable: true,
    });
    stopped.kill('SIGCONT');
    expect((await stopped.ended).stdout).toContain('done');
  });

  it('a wall clock that jumps changes nothing', async () => {
    const holder = await startHolder();
    const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000);
    await expect(withLock(path, async () => 1, { timeout: 200 })).rejects.toMatchObject({ code: 'lock_timeout' });
    now.mockReturnValue(0);
    await expect(withLock(path, async () => 1, { timeout: 200 })).rejects.toMatchObject({ code: 'lock_timeout' });
    holder.kill('SIGKILL');
    await holder.ended;
  });

  it('8 threads of one process exclude each other', async () => {
    const counter = new SharedArrayBuffer(8);
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const worker = new Worker(program('thread'), {
          workerData: { path, counter, rounds: 10 },
          execArgv: [...sourceArguments],
        });
        await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
      }),
    );
    expect([...new Int32Array(counter)]).toEqual([80, 0]);
  });
});

describe('within a process', () => {
  it('calls take turns, and the result and the error of the work reach the caller', async () => {
    let inside = 0;
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        withLock(path, async () => {
          inside += 1;
          expect(inside).toBe(1);
          await sleep(1);
          inside -= 1;
          return i;
        }),
      ),
    );
    expect(results).toEqual(Array.from({ length: 20 }, (_, i) => i));
    await expect(withLock(path, async () => Promise.reject(new RangeError('mine')))).rejects.toThrow(
      new RangeError('mine'),
    );
    expect(await withLock(path, async () => 'free again')).toBe('free again');
  });

  it('calls take turns with any lock, also with one that excludes no other process', async () => {
    const lock = (): FileLock => ({ acquire: () => true, release: () => undefined });
    let inside = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      expect(inside).toBe(1);
      await sleep(5);
      inside -= 1;
    };
    await Promise.all([1, 2, 3].map(async () => withLock(path, work, { lock })));
  });

  it('another lock can be plugged in', async () => {
    const calls: string[] = [];
    const lock = (file: string): FileLock => ({
      acquire: async () => calls.push(`acquire ${file}`) > 2,
      release: async () => void calls.push('release'),
    });
    expect(await withLock(path, async () => calls.length, { lock })).toBe(3);
    expect(calls).toEqual([...Array.from({ length: 3 }, () => `acquire ${path}.lock`), 'release']);
    expect(existsSync(`${path}.lock`)).toBe(false);
  });
});

it('timeout 0 tries once; whileWaiting and signal end the wait, in this process and across processes', async () => {
  const free = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const holding = withLock(path, async () => (held.resolve(), free.promise));
  await held.promise;
  await expect(withLock(path, async () => 1, { timeout: 0 })).rejects.toMatchObject({ code: 'lock_timeout' });
  let polls = 0;
  const whileWaiting = (): string | undefined => ((polls += 1) === 3 ? 'seen' : undefined);
  expect(await withLock(path, async () => 'locked', { whileWaiting })).toBe('seen');
  const reason = new Error('enough');
  const abort = new AbortController();
  const aborted = withLock(path, async () => 1, { signal: abort.signal });
  setTimeout(() => abort.abort(reason), 20);
  await expect(aborted).rejects.toBe(reason);
  await expect(withLock(path, async () => 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  free.resolve();
  await holding;

  const other = await startHolder();
  await expect(withLock(path, async () => 1, { timeout: 0 })).rejects.toMatchObject({ code: 'lock_timeout' });
  polls = 0;
  expect(await withLock(path, async () => 'locked', { whileWaiting })).toBe('seen');
  other.kill('SIGKILL');
  await other.ended;
  expect(await withLock(path, async () => 'locked', { timeout: undefined, signal: undefined })).toBe('locked');
});

it('names the time that it has waited without fractions', async () => {
  const held = Promise.withResolvers<void>();
  const free = Promise.withResolvers<void>();
  const holding = withLock(path, async () => (held.resolve(), free.promise));
  await held.promise;
  const waited = async (timeout: number): Promise<unknown> => withLock(path, async () => 1, { timeout });
  await expect(waited(20.4)).rejects.toThrow(/not free within 20 ms\./);
  await expect(waited(1234.5)).rejects.toThrow(/not free within 1 second\./);
  free.resolve();
  await holding;
});

it('is not refused because orphans can not be removed', async () => {
  const restore = failCall('promises.readdir', systemError('EMFILE', -24, 'scandir'));
  expect(await withLock(path, async () => 'worked')).toBe('worked');
  restore();
});

it('removes temporary files that killed writers left an hour ago, and nothing else', async () => {
  mkdirSync(join(directory, 'state'), { mode: 0o700 });
  const at = (name: string): string => join(directory, 'state', name);
  const old = new Date(Date.now() - 3_700_000);
  const names = [
    `.a.json.${'0'.repeat(18)}.tmp`,
    `.a.json.${'1'.repeat(18)}.tmp`,
    `.b.json.${'0'.repeat(18)}.tmp`,
    '.a.json.mine.tmp',
  ];
  for (const name of names) writeFileSync(at(name), 'x');
  for (const name of names.toSpliced(1, 1)) utimesSync(at(name), old, old);
  await withLock(path, async () => undefined);
  expect(names.map((name) => existsSync(at(name)))).toEqual([false, true, false, true]);
});

it.each([
  [0, 5, 50],
  [400, 25, 50],
  [1000, 62.5, 125],
  [60_000, 125, 250],
])('looks less often the longer it waits: after %i ms every %d to %d ms', (waited, shortest, longest) => {
  const pauses = Array.from({ length: 200 }, () => lockPauseMs(waited));
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(shortest);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(longest);
  expect(new Set(pauses).size).toBeGreaterThan(100);
});
