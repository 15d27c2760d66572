// Another user who can open a lock file, if only to read it, can keep its holder waiting.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { withLock, type FileLock } from '@oa/private-file';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { asOtherUser, noOtherUser, otherUser } from '../other-user.ts';

/** Holds a read lock on the byte that a writer of SQLite locks, and prints `held`. It opens the file for reading only. */
const BLOCKER = `
  use Fcntl; $| = 1; open(my $file, '<', $ARGV[0]) or die $!;
  my $lock = pack('s s x4 q q l x4', F_RDLCK, 0, 0x40000001, 1, 0);
  fcntl($file, F_SETLK, $lock) or die $!;
  print "held\\n"; sleep(600);`;
const noBlocker =
  noOtherUser ?? (process.platform === 'linux' && existsSync('/usr/bin/perl') ? undefined : 'it needs Perl on Linux');

let directory: string;
let path: string;
let lock: string;
const blockers: ChildProcess[] = [];
beforeEach(() => {
  directory = temporaryDirectory();
  // Other users may enter, but not write: their way to a lock file that they can read.
  chmodSync(directory, 0o755);
  path = join(directory, 'a.json');
  lock = `${path}.lock`;
});
afterEach(() => {
  vi.restoreAllMocks();
  for (const blocker of blockers.splice(0)) blocker.kill('SIGKILL');
  rmSync(directory, { recursive: true });
});

/** Another user takes the read lock, and keeps it until the end of the process. */
async function block(): Promise<ChildProcess> {
  const blocker = spawn('/usr/bin/perl', ['-e', BLOCKER, lock], {
    uid: otherUser,
    gid: otherUser,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  blockers.push(blocker);
  const ended = once(blocker, 'exit').then(([code]) => Promise.reject(new Error(`The blocker ended with ${code}.`)));
  await Promise.race([once(blocker.stdout, 'data'), ended]);
  ended.catch(() => undefined);
  return blocker;
}

it('a lock file that another user can read is refused, and does not let that user keep the holder waiting', async ({
  skip,
}) => {
  skip(noBlocker !== undefined, noBlocker);
  writeFileSync(lock, '', { mode: 0o600 });
  chmodSync(lock, 0o644);
  await block();
  await expect(withLock(path, async () => 'worked', { timeout: 1000 })).rejects.toMatchObject({
    code: 'insecure_file_permissions',
    message: expect.stringContaining(`(mode 0644), so it is not used. Run: chmod 600 ${lock}`) as string,
  });
});

it.for(['640', '604', '620', '602'])('a lock file of mode 0%s is refused', async (mode) => {
  writeFileSync(lock, '');
  chmodSync(lock, Number.parseInt(mode, 8));
  await expect(withLock(path, async () => 1)).rejects.toMatchObject({ code: 'insecure_file_permissions' });
});

it('a lock file of another user is refused', async ({ skip }) => {
  skip(noOtherUser !== undefined, noOtherUser);
  writeFileSync(lock, '', { mode: 0o600 });
  chownSync(lock, otherUser, otherUser);
  await expect(withLock(path, async () => 1)).rejects.toMatchObject({
    code: 'insecure_file_permissions',
    message: expect.stringContaining('belongs to another user') as string,
  });
});

it('another user who opened the lock file while it was open to others can delay its holder only until the timeout', async ({
  skip,
}) => {
  skip(noBlocker !== undefined, noBlocker);
  writeFileSync(lock, '', { mode: 0o644 });
  const blocker = await block();
  chmodSync(lock, 0o600);
  await expect(withLock(path, async () => 'worked', { timeout: 300 })).rejects.toMatchObject({
    code: 'lock_timeout',
    retryable: true,
    message: expect.stringContaining(`fuser ${lock}`) as string,
  });
  blocker.kill('SIGKILL');
  await once(blocker, 'exit');
  expect(await withLock(path, async () => 'worked')).toBe('worked');
});

it('a wait without a timeout ends after ten minutes, with the file and what to do', async () => {
  const started = performance.now();
  let passed = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => started + passed);
  const looks: number[] = [];
  const neverFree = (): FileLock => ({
    acquire() {
      looks.push(passed);
      passed += 60_000;
      return false;
    },
    release: () => undefined,
  });
  await expect(withLock(path, async () => 'worked', { lock: neverFree })).rejects.toMatchObject({
    code: 'lock_timeout',
    retryable: true,
    message: expect.stringMatching(/a\.json\.lock .*600 seconds.*Try again later/) as string,
  });
  expect(looks.at(-1)).toBe(540_000);
});

it('a second name of the lock file in the directory of another user opens nothing, and blocks nothing', async ({
  skip,
}) => {
  skip(noOtherUser !== undefined, noOtherUser);
  await withLock(path, async () => undefined);
  const theirs = join(directory, 'theirs');
  mkdirSync(theirs);
  // Only root can do this where fs.protected_hardlinks is 1.
  linkSync(lock, join(theirs, 'link'));
  chownSync(theirs, otherUser, otherUser);
  expect(() => asOtherUser(() => readFileSync(join(theirs, 'link')))).toThrow(/EACCES/);
  await withLock(path, async () => {
    await expect(withLock(join(directory, 'b'), async () => 'other file')).resolves.toBe('other file');
  });
});
