// File systems that ignore modes or have no hard links. Mounting one is not possible everywhere, so the calls behave as on one.
import { chmodSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { reservePrivate, withLock, writePrivate } from '@oa/private-file';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failCall, replaceCall, systemError } from '../faulty-fs.ts';
import { program } from '../programs.ts';

let directory: string;
let path: string;
const restore: (() => void)[] = [];
beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory, 'state', 'a.json');
});
afterEach(() => {
  for (const each of restore.splice(0)) each();
  rmSync(directory, { recursive: true });
});
const names = (): string[] => readdirSync(dirname(path)).toSorted();

/** Each new file is open to other users, whatever mode was asked for. */
function ignoreModes(mode: number): string[] {
  const written: string[] = [];
  const open = (original: (...args: unknown[]) => unknown) => (file: unknown, flags: unknown, asked: unknown) => {
    const result = original(file, flags, asked);
    const change = (): void => {
      if (asked !== undefined) chmodSync(String(file), mode);
    };
    if (!(result instanceof Promise)) return (change(), result);
    return result.then((handle: { write: (...args: unknown[]) => unknown }) => {
      change();
      const { write } = handle;
      handle.write = (...args: unknown[]): unknown => {
        written.push(String(file));
        return Reflect.apply(write, handle, args);
      };
      return handle;
    });
  };
  restore.push(replaceCall('openSync', open), replaceCall('promises.open', open));
  return written;
}

describe('where modes are ignored', () => {
  const refused = {
    code: 'insecure_file_permissions',
    message: expect.stringMatching(/ignores permissions: a new file has mode 0(777|644).*umask=077/) as string,
  };
  it.for([0o777, 0o644])(
    'a write, a reservation and a lock are refused before a byte is written, mode %o',
    async (mode) => {
      const written = ignoreModes(mode);
      await expect(writePrivate(path, 'secret')).rejects.toMatchObject(refused);
      await expect(reservePrivate(path)).rejects.toMatchObject(refused);
      await expect(withLock(path, async () => 'worked')).rejects.toMatchObject(refused);
      expect([names(), written]).toEqual([[], []]);
    },
  );

  it('an existing reservation stays', async () => {
    const room = await reservePrivate(path);
    await room.close();
    ignoreModes(0o777);
    await expect(reservePrivate(path)).resolves.toMatchObject({ interrupted: true });
    await expect(writePrivate(path, 'secret')).rejects.toMatchObject(refused);
    expect(names()).toEqual(['a.json.pending']);
  });
});

describe('where there are no hard links', () => {
  it.for([
    ['EPERM', -1],
    ['ENOTSUP', -95],
    ['ENOSYS', -38],
    ['EACCES', -13],
  ] as const)(
    'the lock file is created all the same (%s), and excludes other calls and processes',
    async ([code, errno]) => {
      restore.push(failCall('linkSync', systemError(code, errno, 'link'), 10));
      let inside = 0;
      const work = async (): Promise<void> => {
        inside += 1;
        expect(inside).toBe(1);
        const other = startProcess(program('hold'), { task: { path, hold: 0 } });
        const both = Promise.race([other.printed('held').then(() => 'held'), other.ended.then(() => 'ended')]);
        expect(await Promise.race([both, new Promise((resolve) => setTimeout(resolve, 300, 'waits'))])).toBe('waits');
        other.kill('SIGKILL');
        await other.ended;
        inside -= 1;
      };
      await Promise.all([withLock(path, work), withLock(path, work)]);
      expect(names()).toEqual([`${basename(path)}.lock`]);
      expect(statSync(`${path}.lock`).mode & 0o777).toBe(0o600);
    },
  );

  it('another failure of the link is reported, and leaves nothing', async () => {
    restore.push(failCall('linkSync', systemError('EIO', -5, 'link')));
    await expect(withLock(path, async () => 1)).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true });
    expect(names()).toEqual([]);
    expect(await withLock(path, async () => 'worked')).toBe('worked');
  });
});
