import crypto from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { readPrivate, reservePrivate, writePrivate } from '@oa/private-file';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { replaceCall } from './faulty-fs.ts';
import { program } from './programs.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory, 'made', 'for', 'it', 'a.json');
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true });
});
const mode = (name: string): number => statSync(name).mode & 0o7777;

it.for([0o000, 0o002, 0o022, 0o077])('with umask %o directories have mode 0700 and files 0600', async (umask) => {
  const before = process.umask(umask);
  try {
    await writePrivate(path, 'x');
    const room = await reservePrivate(path);
    expect(mode(`${path}.pending`)).toBe(0o600);
    await room.release();
  } finally {
    process.umask(before);
  }
  expect(mode(path)).toBe(0o600);
  for (const made of ['made', 'made/for', 'made/for/it']) expect(mode(join(directory, made))).toBe(0o700);
  const locked = join(directory, 'locked', 'a');
  const end = await startProcess(program('hold'), { task: { path: locked, hold: 0, umask } }).ended;
  expect(end.code).toBe(0);
  expect(mode(`${locked}.lock`)).toBe(0o600);
});

it('does not follow a link that was planted at a guessed temporary name', async () => {
  await writePrivate(path, 'old');
  const victim = join(directory, 'victim');
  writeFileSync(victim, 'precious');
  vi.spyOn(crypto, 'randomBytes').mockImplementation((count: number) => Buffer.alloc(count));
  symlinkSync(victim, join(directory, 'made', 'for', 'it', `.a.json.${'0'.repeat(18)}.tmp`));
  await expect(writePrivate(path, 'new')).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect([readFileSync(victim, 'utf8'), readFileSync(path, 'utf8')]).toEqual(['precious', 'old']);
  expect(readdirSync(join(directory, 'made', 'for', 'it'))).toHaveLength(2);
});

it('refuses a text over 1 MiB, which readPrivate would refuse', async () => {
  await writePrivate(path, 'old');
  await expect(writePrivate(path, 'x'.repeat(1024 * 1024 + 1))).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect(await readPrivate(path)).toBe('old');
  await writePrivate(path, 'x'.repeat(1024 * 1024));
  expect(await readPrivate(path)).toHaveLength(1024 * 1024);
});

it('reads the directory once for all files, and removes the temporary files that killed writers left an hour ago', async () => {
  mkdirSync(dirname(path), { mode: 0o700, recursive: true });
  const temporary = [`.a.json.${'0'.repeat(18)}.tmp`, `.b.json.${'0'.repeat(18)}.tmp`, `.b.json.${'1'.repeat(18)}.tmp`];
  const old = new Date(Date.now() - 3_700_000);
  for (const name of temporary) writeFileSync(join(dirname(path), name), 'secret');
  for (const name of temporary.slice(0, 2)) utimesSync(join(dirname(path), name), old, old);
  let reads = 0;
  const restore = replaceCall('promises.readdir', (original) => (...args) => {
    reads += 1;
    return original(...args);
  });
  for (const name of ['a.json', 'b.json', 'c.json']) await writePrivate(join(dirname(path), name), 'x');
  restore();
  expect(reads).toBe(1);
  expect(readdirSync(dirname(path)).toSorted()).toEqual([temporary[2], 'a.json', 'b.json', 'c.json']);
});
