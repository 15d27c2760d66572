import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { readPrivate, reservePrivate, writePrivate } from '@oa/private-file';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { failCall, systemError } from './faulty-fs.ts';
import { noOtherUser, otherUser } from './other-user.ts';
import { program } from './programs.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = temporaryDirectory();
  path = join(directory, 'state', 'a.json');
  await writePrivate(path, 'old');
});
afterEach(() => rmSync(directory, { recursive: true }));
const names = (): string[] => readdirSync(dirname(path)).toSorted();

it('reserves 32 KiB of disk, is written whole, and leaves nothing behind', async () => {
  const room = await reservePrivate(path);
  expect(room.interrupted).toBe(false);
  const stats = statSync(`${path}.pending`);
  expect(stats.size).toBe(32 * 1024);
  expect(stats.blocks * 512).toBeGreaterThanOrEqual(32 * 1024);
  expect(await readPrivate(path)).toBe('old');
  await room.write('new');
  await room.release();
  expect(await readPrivate(path)).toBe('new');
  expect(names()).toEqual(['a.json']);
});

it('reserves twice the size of a large file', async () => {
  await writePrivate(path, 'x'.repeat(100_000));
  const room = await reservePrivate(path);
  expect(statSync(`${path}.pending`).size).toBe(200_000);
  await room.release();
  expect(names()).toEqual(['a.json']);
});

it('finds the reservation of a killed process, again and again, until a write succeeds', async () => {
  const killed = startProcess(program('reserve'), { task: { path } });
  await killed.printed('reserved');
  killed.kill('SIGKILL');
  await killed.ended;
  for (let i = 0; i < 2; i += 1) {
    const room = await reservePrivate(path);
    expect(room.interrupted).toBe(true);
    await room.release();
  }
  const room = await reservePrivate(path);
  await room.write('new');
  await room.release();
  const next = await reservePrivate(path);
  expect(next.interrupted).toBe(false);
  await next.release();
  expect(names()).toEqual(['a.json']);
});

it('refuses a text over 1 MiB', async () => {
  const room = await reservePrivate(path);
  await expect(room.write('x'.repeat(2_000_000))).rejects.toMatchObject({ code: 'storage_unavailable' });
  await room.release();
  expect(names()).toEqual(['a.json']);
});

it('replaces a link that was planted after the reservation, and does not follow it', async () => {
  const victim = join(directory, 'victim');
  writeFileSync(victim, 'precious', { mode: 0o600 });
  const room = await reservePrivate(path);
  rmSync(path);
  symlinkSync(victim, path);
  await room.write('new');
  await room.release();
  expect([readFileSync(victim, 'utf8'), await readPrivate(path)]).toEqual(['precious', 'new']);
  expect(names()).toEqual(['a.json']);
});

it('keeps its sign when it is closed, and loses it when it is released; neither removes an earlier sign', async () => {
  const closed = await reservePrivate(path);
  await closed.close();
  const next = await reservePrivate(path);
  expect([closed.interrupted, next.interrupted]).toEqual([false, true]);
  await next.release();
  expect(names()).toEqual(['a.json', 'a.json.pending']);
  rmSync(`${path}.pending`);
  const released = await reservePrivate(path);
  await released.release();
  await released.close();
  expect(names()).toEqual(['a.json']);
});

it('replaces a file and a reservation that reads refuse only if that is asked for, but no directory', async () => {
  const plant: (() => void)[] = [
    () => chmodSync(path, 0o640),
    () => (rmSync(path), symlinkSync('nothing', path)),
    () => linkSync(path, join(directory, 'second')),
    () => writeFileSync(`${path}.pending`, '', { mode: 0o644 }),
    () => symlinkSync('nothing', `${path}.pending`),
  ];
  for (const each of plant) {
    each();
    await expect(reservePrivate(path)).rejects.toMatchObject({ code: 'insecure_file_permissions' });
    const room = await reservePrivate(path, { replaceRefused: true });
    await room.write('new');
    expect(await readPrivate(path)).toBe('new');
    expect(names()).toEqual(['a.json']);
  }
  rmSync(path);
  mkdirSync(path);
  await expect(reservePrivate(path, { replaceRefused: true })).rejects.toMatchObject({
    code: 'insecure_file_permissions',
  });
});

it('is written without its room if the directory was cleared meanwhile', async () => {
  const cleared = await reservePrivate(path);
  rmSync(`${path}.pending`);
  await cleared.write('new');
  await cleared.release();
  expect(await readPrivate(path)).toBe('new');
  expect(names()).toEqual(['a.json']);
});

it('refuses a reservation that another user could have planted', async () => {
  const victim = join(directory, 'victim');
  writeFileSync(victim, 'precious', { mode: 0o600 });
  symlinkSync(victim, `${path}.pending`);
  await expect(reservePrivate(path)).rejects.toMatchObject({ code: 'insecure_file_permissions' });
  expect(readFileSync(victim, 'utf8')).toBe('precious');
  rmSync(`${path}.pending`);
  writeFileSync(`${path}.pending`, '');
  await expect(reservePrivate(path)).rejects.toMatchObject({ code: 'insecure_file_permissions' });
  rmSync(`${path}.pending`);
  mkdirSync(`${path}.pending`);
  await expect(reservePrivate(path)).rejects.toMatchObject({ code: 'insecure_file_permissions' });
});

it('reports room that can not be given back', async () => {
  const room = await reservePrivate(path);
  rmSync(`${path}.pending`);
  mkdirSync(`${path}.pending`);
  await expect(room.release()).rejects.toMatchObject({ code: 'storage_unavailable' });
});

it('is refused if the size of the present file can not be read, and leaves nothing', async () => {
  const restore = failCall('promises.lstat', systemError('EIO', -5, 'lstat'));
  await expect(reservePrivate(path)).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true });
  restore();
  expect(names()).toEqual(['a.json']);
});

it('replaces no file of another user, also if that is asked for', async ({ skip }) => {
  skip(noOtherUser !== undefined, noOtherUser);
  chownSync(path, otherUser, otherUser);
  await expect(reservePrivate(path, { replaceRefused: true })).rejects.toMatchObject({
    code: 'insecure_file_permissions',
    message: expect.stringContaining('belongs to another user') as string,
  });
  expect([readFileSync(path, 'utf8'), names()]).toEqual(['old', ['a.json']]);
});
