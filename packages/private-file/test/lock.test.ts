import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { withLock, type FileLock } from '@oa/private-file';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { monotonicMs } from '@oa-internal/testing/child';
import { blockHolder, countTogether, program } from './scenarios.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory, 'state', 'a.json');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('D5: the lock between processes', () => {
  test('D3: 8 processes add 25 times each to one file, and nothing is lost, though holders are killed', async () => {
    const counted = await countTogether({ processes: 8, rounds: 25, keys: 1, kills: 0.04 });
    expect(counted).toMatchObject({ lost: 0, finished: true });
    expect(counted.expected).toBeGreaterThan(150);
  }, 60_000);

  test('D3: the same on 8 files', async () => {
    const counted = await countTogether({ processes: 8, rounds: 15, keys: 8, kills: 0.02 });
    expect(counted).toMatchObject({ lost: 0, finished: true });
  }, 60_000);

  test('D3: without a lock the same does lose, so the counting counts', async () => {
    const counted = await countTogether({ processes: 6, rounds: 25, keys: 1, kills: 0, lock: 'none' });
    expect(counted.lost).toBeGreaterThan(0);
  }, 60_000);

  test('D5: a killed holder is followed at once', async () => {
    const holder = startProcess(program('hold'), { task: { path, hold: 60_000 } });
    await holder.printed('held');
    const next = withLock(path, async () => monotonicMs());
    await sleep(100);
    const killed = monotonicMs();
    holder.kill('SIGKILL');
    // Ten times what it takes, and far from any heartbeat's seconds.
    expect((await next) - killed).toBeLessThan(250);
  });

  test('D5: a stopped holder keeps the lock, and so does one whose event loop is blocked', async () => {
    const stopped = startProcess(program('hold'), { task: { path, hold: 100 } });
    await stopped.printed('held');
    stopped.kill('SIGSTOP');
    await expect(withLock(path, async () => 'taken over', { timeout: 1500 })).rejects.toMatchObject({
      code: 'lock_timeout',
      retryable: true,
    });
    stopped.kill('SIGCONT');
    expect((await stopped.ended).stdout).toContain('done');

    expect(await blockHolder(1500)).toBe(true);
  });

  test('D5: a wall clock that jumps changes nothing', async () => {
    const holder = startProcess(program('hold'), { task: { path, hold: 60_000 } });
    await holder.printed('held');
    const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000);
    await expect(withLock(path, async () => 1, { timeout: 200 })).rejects.toMatchObject({ code: 'lock_timeout' });
    now.mockReturnValue(0);
    await expect(withLock(path, async () => 1, { timeout: 200 })).rejects.toMatchObject({ code: 'lock_timeout' });
    now.mockRestore();
    holder.kill('SIGKILL');
    await holder.ended;
  });

  test('D5: a lock file that was removed while somebody waited for it is not trusted', async () => {
    const holder = startProcess(program('hold'), { task: { path, hold: 60_000 } });
    await holder.printed('held');
    const waiter = withLock(path, async () => statSync(`${path}.lock`).ino);
    await sleep(100);
    renameSync(`${path}.lock`, `${path}.old`);
    holder.kill('SIGKILL');
    expect(await waiter).toBe(statSync(`${path}.lock`).ino);
    expect(statSync(`${path}.old`).ino).not.toBe(statSync(`${path}.lock`).ino);
  });

  test('D3: 8 threads of one process exclude each other', async () => {
    const counter = new SharedArrayBuffer(8);
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const worker = new Worker(program('thread'), {
          workerData: { path, counter, rounds: 10 },
          execArgv: ['--conditions=@oa/source'],
        });
        await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
      }),
    );
    expect([...new Int32Array(counter)]).toEqual([80, 0]);
  }, 60_000);

  test('the lock prints no warning and leaves those of others alone', async () => {
    const end = await startProcess(program('hold'), { task: { path, hold: 0 } }).ended;
    expect(end).toEqual({
      code: 0,
      signal: null,
      stdout: expect.stringMatching(/^held\ndone [\d.]+\n$/) as string,
      stderr: '',
    });
    const seen: string[] = [];
    process.on('warning', (warning) => seen.push(warning.message));
    process.emitWarning('of somebody else', 'ExperimentalWarning');
    await sleep(10);
    expect(seen).toEqual(['of somebody else']);
  });
});

describe('the loading of SQLite', () => {
  afterEach(() => vi.restoreAllMocks());

  test('drops its own warning only, and a runtime without it is told apart from a busy lock', async () => {
    const warned: unknown[] = [];
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warned.push(warning));
    vi.spyOn(process, 'getBuiltinModule').mockImplementation(() => {
      process.emitWarning('SQLite is an experimental feature', 'ExperimentalWarning');
      process.emitWarning('SQLite is deprecated', 'DeprecationWarning');
      process.emitWarning('Another thing is experimental', 'ExperimentalWarning');
      return undefined;
    });
    await expect(withLock(path, async () => 1)).rejects.toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringContaining('22.13') as string,
    });
    expect(warned).toEqual(['SQLite is deprecated', 'Another thing is experimental']);
    process.emitWarning('put back');
    expect(emitWarning).toHaveBeenLastCalledWith('put back');
  });

  test('an error of it that is no lock, and one that is no error of its, both come through as they should', async () => {
    class DatabaseSync {
      exec(): void {
        throw Object.assign(new Error('disk I/O error'), { errcode: 10 });
      }
      close(): void {
        warned.push('closed');
      }
    }
    const warned: string[] = [];
    const load = vi.spyOn(process, 'getBuiltinModule').mockReturnValue({ DatabaseSync });
    await expect(withLock(path, async () => 1)).rejects.toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringContaining('SQLite error 10') as string,
    });
    expect(warned).toEqual(['closed']);
    load.mockImplementation(() => {
      throw new RangeError('a bug');
    });
    await expect(withLock(path, async () => 1)).rejects.toThrow(new RangeError('a bug'));
  });
});

describe('the lock within a process', () => {
  test('calls take turns, and the result and the error of the work come through', async () => {
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

  test('timeout 0 tries once; whileWaiting and signal end the wait, in this process and across', async () => {
    const free = Promise.withResolvers<void>();
    const holding = withLock(path, async () => free.promise);
    await sleep(30);
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

    const other = startProcess(program('hold'), { task: { path, hold: 60_000 } });
    await other.printed('held');
    await expect(withLock(path, async () => 1, { timeout: 0 })).rejects.toMatchObject({ code: 'lock_timeout' });
    polls = 0;
    expect(await withLock(path, async () => 'locked', { whileWaiting })).toBe('seen');
    other.kill('SIGKILL');
    await other.ended;
    expect(await withLock(path, async () => 'locked')).toBe('locked');
  });

  test('another lock can be plugged in', async () => {
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

describe('D7: the lock file', () => {
  test('is 0600, empty, and stays', async () => {
    await withLock(path, async () => undefined);
    const stats = statSync(`${path}.lock`);
    expect([stats.mode & 0o777, stats.size]).toEqual([0o600, 0]);
    expect(readdirSync(join(directory, 'state'))).toEqual(['a.json.lock']);
  });

  test('is refused when it is not a file, or others can write it, or it has content that SQLite does not know', async () => {
    mkdirSync(join(directory, 'state'), { mode: 0o700 });
    mkdirSync(`${path}.lock`);
    await expect(withLock(path, async () => 1)).rejects.toMatchObject({ code: 'insecure_file_permissions' });
    rmSync(`${path}.lock`, { recursive: true });
    writeFileSync(`${path}.lock`, '', { mode: 0o600 });
    const { chmodSync } = await import('node:fs');
    chmodSync(`${path}.lock`, 0o666);
    await expect(withLock(path, async () => 1)).rejects.toMatchObject({ code: 'insecure_file_permissions' });
    chmodSync(`${path}.lock`, 0o600);
    writeFileSync(`${path}.lock`, 'this is no database, but somebody else\u2019s text '.repeat(50));
    await expect(withLock(path, async () => 1)).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(readFileSync(`${path}.lock`, 'utf8')).toContain('somebody');
  });

  test('D7: what killed writers left is swept when it is an hour old, and nothing else is', async () => {
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
    expect(names.map((name) => existsSync(at(name)))).toEqual([false, true, true, true]);
  });
});
