import { chmodSync, existsSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { readPrivate, reservePrivate, withLock, writePrivate } from '@oa/private-file';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { failCall, replaceCall, systemError } from './faulty-fs.ts';

let directory: string;
let path: string;
const restore: (() => void)[] = [];
beforeEach(async () => {
  directory = temporaryDirectory();
  path = join(directory, 'state', 'a.json');
  await writePrivate(path, 'old');
});
afterEach(() => {
  vi.restoreAllMocks();
  for (const each of restore.splice(0)) each();
  rmSync(directory, { recursive: true });
});
const names = (): string[] => readdirSync(dirname(path)).toSorted();
const isWhole = (text: string): boolean => text.startsWith('whole');
/** Of all handles of open files. */
async function fileHandlePrototype(): Promise<FileHandle> {
  await using handle = await open(path);
  return Object.getPrototypeOf(handle) as FileHandle;
}
/** The paths of the files that this process has open. */
function openFiles(): string[] {
  const links = readdirSync('/proc/self/fd').map((descriptor) => join('/proc/self/fd', descriptor));
  // The descriptor of the listing itself is closed already.
  return links.filter((link) => existsSync(link)).map((link) => readlinkSync(link));
}
const EIO = systemError('EIO', -5, 'rename');

describe('a write into a reservation', () => {
  it.for(['rename', 'sync', 'write', 'truncate'] as const)('goes to a new file if %s fails', async (call) => {
    const room = await reservePrivate(path);
    if (call === 'rename') restore.push(failCall('promises.rename', EIO));
    else vi.spyOn(await fileHandlePrototype(), call).mockRejectedValueOnce(EIO);
    await room.write('whole and new');
    await room.release();
    expect(readFileSync(path, 'utf8')).toBe('whole and new');
    restore.splice(0).forEach((each) => each());
    expect(names()).toEqual(['a.json']);
  });

  it('that can not be renamed at all leaves the whole text, which the next holder of the lock finds in its place', async () => {
    const room = await reservePrivate(path);
    const refuse = failCall('promises.rename', systemError('EACCES', -13, 'rename'), 10);
    await expect(room.write('whole and new')).rejects.toMatchObject({ code: 'storage_unavailable' });
    await room.close();
    expect([readFileSync(path, 'utf8'), names()]).toEqual(['old', ['a.json', 'a.json.pending']]);
    refuse();
    expect(await withLock(path, async () => readPrivate(path), { isWhole })).toBe('whole and new');
    expect(names()).toEqual(['a.json', 'a.json.lock']);
  });

  it.skipIf(process.platform !== 'linux')(
    'closes its files after it has refused a text over 1 MiB (only Linux lists the open files of a process)',
    async () => {
      const room = await reservePrivate(path);
      expect(openFiles()).toContain(`${path}.pending`);
      await expect(room.write('x'.repeat(2_000_000))).rejects.toMatchObject({ code: 'storage_unavailable' });
      expect(openFiles()).not.toContain(`${path}.pending`);
      expect(openFiles()).not.toContain(dirname(path));
    },
  );

  it('is reported if the name can not be made durable', async () => {
    const room = await reservePrivate(path);
    const prototype = await fileHandlePrototype();
    // oxlint-disable-next-line typescript/unbound-method -- it is called with a handle below
    const { sync } = prototype;
    vi.spyOn(prototype, 'sync').mockImplementation(async function syncFiles(this: FileHandle) {
      if ((await this.stat()).isDirectory()) throw EIO;
      return Reflect.apply(sync, this, []);
    });
    await expect(room.write('new')).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true });
    expect([readFileSync(path, 'utf8'), names()]).toEqual(['new', ['a.json']]);
  });

  it('reports a bug, and writes no other file instead', async () => {
    const room = await reservePrivate(path);
    const bug = new RangeError('a bug');
    vi.spyOn(await fileHandlePrototype(), 'truncate').mockRejectedValueOnce(bug);
    await expect(room.write('new')).rejects.toBe(bug);
    expect([readFileSync(path, 'utf8'), names()]).toEqual(['old', ['a.json', 'a.json.pending']]);
  });

  it('opens nothing and looks at nothing between the request and the rename', async () => {
    const room = await reservePrivate(path);
    const none = ['openSync', 'lstatSync', 'statSync', 'promises.open', 'promises.stat', 'promises.lstat'];
    const calls: string[] = [];
    for (const call of none) restore.push(failCall(call, EIO, 1, () => (calls.push(call), true)));
    await room.write('new');
    expect(calls).toEqual([]);
  });
});

/** Calls `after` when the file call has ended, once. */
function afterCall(name: string, after: () => void): void {
  let left = 1;
  const replace =
    (original: (...args: unknown[]) => unknown) =>
    async (...args: unknown[]) => {
      const [outcome] = await Promise.allSettled([original(...args)]);
      if ((left -= 1) === 0) after();
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    };
  restore.push(replaceCall(name, replace));
}

describe('a reservation that an earlier holder has left', () => {
  const leave = (mode: number): void => writeFileSync(`${path}.pending`, '', { mode });

  it('is a sign of the interruption also if it is removed while it is opened', async () => {
    leave(0o600);
    afterCall('promises.open', () => rmSync(`${path}.pending`));
    const room = await reservePrivate(path);
    expect(room.interrupted).toBe(true);
    await room.write('new');
    expect([readFileSync(path, 'utf8'), names()]).toEqual(['new', ['a.json']]);
  });

  it('is refused, not used, if another program creates it again while it is replaced', async () => {
    leave(0o644);
    afterCall('promises.unlink', () => leave(0o644));
    await expect(reservePrivate(path, { replaceRefused: true })).rejects.toMatchObject({
      code: 'insecure_file_permissions',
      message: expect.stringContaining('was created by another program') as string,
    });
    expect(readFileSync(`${path}.pending`, 'utf8')).toBe('');
  });

  it('is reported if it must be replaced and can not be removed', async () => {
    leave(0o644);
    restore.push(failCall('promises.unlink', EIO));
    await expect(reservePrivate(path, { replaceRefused: true })).rejects.toMatchObject({
      code: 'storage_unavailable',
      retryable: true,
    });
    expect(names()).toEqual(['a.json', 'a.json.pending']);
  });
});

describe('a text that was left by an earlier holder of the lock', () => {
  const leave = (text: string): void => writeFileSync(`${path}.pending`, text, { mode: 0o600 });

  it('stays if it is not whole, if nothing is asked about it, and if it is not UTF-8', async () => {
    leave('cut');
    expect(await withLock(path, async () => readPrivate(path), { isWhole })).toBe('old');
    leave('whole');
    expect(await withLock(path, async () => readPrivate(path))).toBe('old');
    writeFileSync(`${path}.pending`, Buffer.from([0x77, 0xff]));
    expect(await withLock(path, async () => readPrivate(path), { isWhole: () => true })).toBe('old');
    expect(existsSync(`${path}.pending`)).toBe(true);
  });

  it('stays if other users could have written it', async () => {
    leave('whole');
    chmodSync(`${path}.pending`, 0o644);
    expect(await withLock(path, async () => readPrivate(path), { isWhole })).toBe('old');
    expect(readFileSync(`${path}.pending`, 'utf8')).toBe('whole');
  });

  it('is not asked about if there is none', async () => {
    const asked: string[] = [];
    const ask = (text: string): boolean => (asked.push(text), true);
    expect(await withLock(path, async () => readPrivate(path), { isWhole: ask })).toBe('old');
    expect(asked).toEqual([]);
  });

  it.for(['promises.open', 'promises.rename'])(
    'prevents the work if %s fails: the work could use the value that the text replaces',
    async (call) => {
      await withLock(path, async () => undefined);
      leave('whole');
      restore.push(failCall(call, EIO));
      let worked = false;
      const work = async (): Promise<string | undefined> => ((worked = true), readPrivate(path));
      await expect(withLock(path, work, { isWhole })).rejects.toMatchObject({
        code: 'storage_unavailable',
        retryable: true,
      });
      expect(worked).toBe(false);
      expect(await withLock(path, work, { isWhole })).toBe('whole');
    },
  );
});
