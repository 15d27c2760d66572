import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { readPrivateFiles, writePrivate } from '@oa/private-file';
import { afterEach, beforeEach, expect, it } from 'vitest';

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => rmSync(directory, { recursive: true }));

it('reads each file as readPrivate does: the text, undefined, or the error of this file alone', async () => {
  await writePrivate(join(directory, 'a'), 'text of a');
  await writePrivate(join(directory, 'wide'), 'text');
  chmodSync(join(directory, 'wide'), 0o644);
  symlinkSync(join(directory, 'a'), join(directory, 'link'));
  writeFileSync(join(directory, 'bytes'), Buffer.from([0xff, 0xfe, 0x41]), { mode: 0o600 });
  const read = await readPrivateFiles(directory, ['wide', 'a', 'missing', 'link', 'bytes']);
  expect(read).toMatchObject([
    { ok: false, error: { code: 'insecure_file_permissions' } },
    { ok: true, value: 'text of a' },
    { ok: true, value: undefined },
    { ok: false, error: { code: 'insecure_file_permissions' } },
    { ok: false, error: { code: 'corrupt_file' } },
  ]);
});

it('returns texts of any length, one after the other', async () => {
  const texts = [9000, 8192, 10, 0, 8193, 5].map((length, index) => String(index).repeat(length));
  for (const [index, text] of texts.entries()) await writePrivate(join(directory, String(index)), text);
  const read = await readPrivateFiles(directory, [...texts.keys()].map(String));
  expect(read).toEqual(texts.map((value) => ({ ok: true, value })));
});

it('rejects where other users can write in the directory, and finds nothing in a missing one', async () => {
  const open = join(directory, 'open');
  mkdirSync(open);
  chmodSync(open, 0o777);
  writeFileSync(join(open, 'a'), 'planted', { mode: 0o600 });
  await expect(readPrivateFiles(open, ['a'])).rejects.toMatchObject({ code: 'insecure_file_permissions' });
  expect(await readPrivateFiles(join(directory, 'none'), ['a'])).toEqual([{ ok: true, value: undefined }]);
  expect(await readPrivateFiles(open, [])).toEqual([]);
});

it('rejects a relative directory with a TypeError', async () => {
  await expect(readPrivateFiles('relative', ['a'])).rejects.toThrow(TypeError);
});

it('throws the error of a name that can be no file name: that is a bug of the caller', async () => {
  await writePrivate(join(directory, 'a'), 'text of a');
  await expect(readPrivateFiles(directory, ['a', 'b\0'])).rejects.toThrow(TypeError);
});
