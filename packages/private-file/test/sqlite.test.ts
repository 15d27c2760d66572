import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { withLock } from '@oa/private-file';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
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

describe('the lock file', () => {
  it('has mode 0600, is empty, and stays', async () => {
    await withLock(path, async () => undefined);
    const stats = statSync(`${path}.lock`);
    expect([stats.mode & 0o777, stats.size]).toEqual([0o600, 0]);
    expect(readdirSync(join(directory, 'state'))).toEqual(['a.json.lock']);
  });

  it('is refused if it is not a file, if other users can write it, or if it has content that SQLite does not know', async () => {
    mkdirSync(join(directory, 'state'), { mode: 0o700 });
    mkdirSync(`${path}.lock`);
    await expect(withLock(path, async () => 1)).rejects.toMatchObject({ code: 'insecure_file_permissions' });
    rmSync(`${path}.lock`, { recursive: true });
    writeFileSync(`${path}.lock`, '', { mode: 0o600 });
    chmodSync(`${path}.lock`, 0o666);
    await expect(withLock(path, async () => 1)).rejects.toMatchObject({ code: 'insecure_file_permissions' });
    chmodSync(`${path}.lock`, 0o600);
    writeFileSync(`${path}.lock`, 'the text of another program, and not a database '.repeat(50));
    await expect(withLock(path, async () => 1)).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(readFileSync(`${path}.lock`, 'utf8')).toContain('another program');
  });

  it('is not trusted if it was removed while the call waited for it', async () => {
    const holder = startProcess(program('hold'), { task: { path, hold: 60_000 } });
    await holder.printed('held');
    const looked = Promise.withResolvers<void>();
    const whileWaiting = (): undefined => looked.resolve() as undefined;
    const waiter = withLock(path, async () => statSync(`${path}.lock`).ino, { whileWaiting });
    await looked.promise;
    renameSync(`${path}.lock`, `${path}.old`);
    holder.kill('SIGKILL');
    expect(await waiter).toBe(statSync(`${path}.lock`).ino);
    expect(statSync(`${path}.old`).ino).not.toBe(statSync(`${path}.lock`).ino);
  });
});

describe('loading SQLite', () => {
  it('prints no warning, and hides no warning of another module', async () => {
    const end = await startProcess(program('hold'), { task: { path, hold: 0 } }).ended;
    expect(end).toEqual({ code: 0, signal: null, stdout: 'held\ndone\n', stderr: '' });
    const seen: string[] = [];
    process.on('warning', (warning) => seen.push(warning.message));
    process.emitWarning('of another module', 'ExperimentalWarning');
    await sleep(10);
    expect(seen).toEqual(['of another module']);
  });

  it('drops only its own warning; a runtime without SQLite is an error with the version to use', async () => {
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
    process.emitWarning('restored');
    expect(emitWarning).toHaveBeenLastCalledWith('restored');
  });

  it('reports an error of SQLite that is not a busy lock, and passes any other error on', async () => {
    class DatabaseSync {
      exec(): void {
        throw Object.assign(new Error('disk I/O error'), { errcode: 10 });
      }
      close(): void {
        calls.push('closed');
      }
    }
    const calls: string[] = [];
    const load = vi.spyOn(process, 'getBuiltinModule').mockReturnValue({ DatabaseSync });
    await expect(withLock(path, async () => 1)).rejects.toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringContaining('SQLite error 10') as string,
    });
    expect(calls).toEqual(['closed']);
    load.mockImplementation(() => {
      throw new RangeError('a bug');
    });
    await expect(withLock(path, async () => 1)).rejects.toThrow(new RangeError('a bug'));
  });
});
