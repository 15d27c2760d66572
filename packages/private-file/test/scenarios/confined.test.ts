import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { writePrivate } from '@oa/private-file';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { noOtherUser, otherUser } from '../other-user.ts';
import { program } from '../programs.ts';

/** Another number than the one that Linux shows for users without a number in a namespace. */
const USER_NUMBERS = ['--reuid=65533', '--regid=65533', '--clear-groups'];
const NAMESPACE = ['setpriv', ...USER_NUMBERS, 'unshare', '--user', '--map-current-user'];
const [enter = '', ...entering] = NAMESPACE;
const noNamespace =
  spawnSync(enter, [...entering, process.execPath, '-v']).status === 0
    ? undefined
    : 'no user namespace can be made here, or another user can not reach Node.js';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = temporaryDirectory();
  path = join(directory, 'mine', 'a.json');
  await writePrivate(path, 'content');
});
afterEach(() => rmSync(directory, { recursive: true }));

it('in a user namespace, where root has another number, the directories of root are passed', async ({ skip }) => {
  skip(noNamespace !== undefined, noNamespace);
  chmodSync(directory, 0o755);
  for (const each of [path, dirname(path)]) chownSync(each, 65_533, 65_533);
  const end = await startProcess(program('read'), { task: { path }, under: NAMESPACE }).ended;
  expect(end).toMatchObject({ code: 0, stdout: expect.stringContaining('"content"') as string });
  chmodSync(directory, 0o777);
  const refused = await startProcess(program('read'), { task: { path }, under: NAMESPACE }).ended;
  expect(refused.stdout).toContain('can be written by other users');
});

/** Reads the file in a process that may see only `readable` and the modules, as the user `uid`. */
async function readConfined(readable: string, uid?: number): Promise<string> {
  const repository = join(import.meta.dirname, '../../../..');
  const nodeOptions = ['--permission', ...[repository, readable].map((each) => `--allow-fs-read=${each}`)];
  return (await startProcess(program('read'), { task: { path, uid }, nodeOptions }).ended).stdout;
}

it('under the permission model of Node.js the directories that it hides are passed, and the others are checked', async () => {
  chmodSync(directory, 0o777);
  expect(await readConfined(dirname(path))).toContain('"content"');
  expect(await readConfined(directory)).toContain('can be written by other users');
});

it('under the permission model of Node.js root is known where it hides the owner of the root directory', async ({
  skip,
}) => {
  skip(noOtherUser !== undefined, noOtherUser);
  chmodSync(directory, 0o755);
  for (const each of [path, dirname(path)]) chownSync(each, otherUser, otherUser);
  expect(await readConfined(directory, otherUser)).toContain('"content"');
});

it('under the permission model of Node.js a directory that is not permitted is an error with the flags to use', async () => {
  expect(await readConfined(join(directory, 'other'))).toMatch(/^storage_unavailable: .*--allow-fs-read/);
});
