import { chmodSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { readPrivate, withLock, writePrivate } from '@oa/private-file';
import { afterEach, beforeEach, expect, it } from 'vitest';

let directory: string;
const platform = Object.getOwnPropertyDescriptor(process, 'platform') ?? {};
beforeEach(() => {
  directory = temporaryDirectory();
  Object.defineProperty(process, 'platform', { ...platform, value: 'win32' });
});
afterEach(() => {
  Object.defineProperty(process, 'platform', platform);
  rmSync(directory, { recursive: true });
});

it('on Windows no modes are checked, no directory is synced, and a link is looked for before the open', async () => {
  const path = join(directory, 'a.json');
  await writePrivate(path, 'x');
  chmodSync(path, 0o644);
  chmodSync(directory, 0o777);
  expect(await readPrivate(path)).toBe('x');
  await writePrivate(path, 'y');
  expect(await withLock(path, async () => readPrivate(path))).toBe('y');
  rmSync(path);
  symlinkSync(join(directory, 'elsewhere'), path);
  await expect(readPrivate(path)).rejects.toMatchObject({ code: 'insecure_file_permissions' });
});
