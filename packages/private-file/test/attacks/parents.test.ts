// Another user who controls a directory above a private file can exchange what is below it, whatever the modes of the file are.
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import {
  quarantine,
  readPrivate,
  removePrivate,
  reservePrivate,
  userDirectory,
  withLock,
  writePrivate,
} from '@oa/private-file';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { asOtherUser, noOtherUser, otherUser } from '../other-user.ts';

let root: string;
let shared: string;
/** A file of this user in a directory of this user, below `shared`. */
let path: string;
beforeEach(async () => {
  root = temporaryDirectory();
  // Other users may enter, as in most home directories.
  chmodSync(root, 0o755);
  shared = join(root, 'shared');
  path = join(shared, 'mine', 'a.json');
  mkdirSync(shared, { mode: 0o755 });
  await writePrivate(path, 'mine');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

/** All that a program does with a private file. */
const uses: Record<string, (file: string) => Promise<unknown>> = {
  readPrivate,
  removePrivate,
  quarantine,
  writePrivate: (file) => writePrivate(file, 'new'),
  reservePrivate: async (file) => (await reservePrivate(file)).release(),
  withLock: (file) => withLock(file, async () => 'worked'),
};
const refusal = (message: RegExp): object => ({
  name: 'OAuthError',
  code: 'insecure_file_permissions',
  message: expect.stringMatching(message) as string,
});
const allowOthers = (mode: number) => (): void => chmodSync(shared, mode);
const giveAway = (): void => chownSync(shared, otherUser, otherUser);

const writable = (mode: string): RegExp =>
  new RegExp(`shared can be written by other users .mode ${mode}..*chmod go-w`);
const controls: [string, () => void, RegExp, string | undefined][] = [
  [
    'that another user owns',
    giveAway,
    /shared belongs to another user \(.*uid 65534\), and this program runs as root, .*parents belong/,
    noOtherUser,
  ],
  ['that other users can write', allowOthers(0o777), writable('0777'), undefined],
  ['that a group can write, as with umask 002,', allowOthers(0o775), writable('0775'), undefined],
];

describe.for(controls)('a parent directory %s', ([, control, message, reason]) => {
  it.for(Object.keys(uses))('is refused by %s, and nothing changes', async (name, { skip }) => {
    skip(reason !== undefined, reason);
    control();
    await expect(uses[name]?.(path)).rejects.toMatchObject(refusal(message));
    expect([readdirSync(dirname(path)), readFileSync(path, 'utf8')]).toEqual([['a.json'], 'mine']);
  });

  it('is refused before a missing directory is created in it', async ({ skip }) => {
    skip(reason !== undefined, reason);
    control();
    await expect(writePrivate(join(shared, 'new', 'deep', 'a.json'), 'x')).rejects.toMatchObject(refusal(message));
    expect(readdirSync(shared)).toEqual(['mine']);
  });
});

it('another user who exchanges the directories of two programs is noticed', async ({ skip }) => {
  skip(noOtherUser !== undefined, noOtherUser);
  const other = join(shared, 'other', 'a.json');
  await writePrivate(other, 'of another program');
  chmodSync(shared, 0o777);
  asOtherUser(() => {
    renameSync(dirname(path), join(shared, 'aside'));
    renameSync(dirname(other), dirname(path));
    renameSync(join(shared, 'aside'), dirname(other));
  });
  await expect(readPrivate(path)).rejects.toMatchObject(refusal(/go-w/));
  await expect(writePrivate(other, 'x')).rejects.toMatchObject(refusal(/go-w/));
});

describe('a symbolic link of another user', () => {
  it('does not lead a write to another place of this user', async ({ skip }) => {
    skip(noOtherUser !== undefined, noOtherUser);
    const target = join(root, 'precious');
    mkdirSync(target, { mode: 0o700 });
    giveAway();
    asOtherUser(() => symlinkSync(target, join(shared, 'app')));
    await expect(writePrivate(join(shared, 'app', 'a.json'), 'x')).rejects.toMatchObject(refusal(/another user/));
    expect(readdirSync(target)).toEqual([]);
  });

  it('is not followed out of a directory with the sticky bit, also where the kernel follows it', async ({ skip }) => {
    skip(noOtherUser !== undefined, noOtherUser);
    const target = join(root, 'precious');
    mkdirSync(target, { mode: 0o700 });
    chmodSync(shared, 0o1777);
    asOtherUser(() => symlinkSync(target, join(shared, 'app')));
    // Linux with fs.protected_symlinks = 1 refuses with EACCES.
    await expect(writePrivate(join(shared, 'app', 'a.json'), 'x')).rejects.toMatchObject({ name: 'OAuthError' });
    await expect(writePrivate(join(shared, 'app', 'deep', 'a.json'), 'x')).rejects.toMatchObject({
      name: 'OAuthError',
    });
    expect(readdirSync(target)).toEqual([]);
  });

  it('is not followed when it is swapped in for the directory between two calls', async ({ skip }) => {
    skip(noOtherUser !== undefined, noOtherUser);
    expect(await readPrivate(path)).toBe('mine');
    const target = join(root, 'precious');
    await writePrivate(join(target, 'a.json'), 'precious');
    renameSync(dirname(path), join(shared, 'aside'));
    symlinkSync(target, dirname(path));
    lchownSync(dirname(path), otherUser, otherUser);
    await expect(readPrivate(path)).rejects.toMatchObject(refusal(/link of another user/));
    await expect(writePrivate(path, 'x')).rejects.toMatchObject(refusal(/link of another user/));
    expect(readFileSync(join(target, 'a.json'), 'utf8')).toBe('precious');
  });
});

it('a directory that another user made again, after this user had removed it, is refused', async ({ skip }) => {
  skip(noOtherUser !== undefined, noOtherUser);
  chmodSync(root, 0o1777);
  expect(await readPrivate(path)).toBe('mine');
  rmSync(shared, { recursive: true });
  expect(await readPrivate(path)).toBeUndefined();
  asOtherUser(() => mkdirSync(shared));
  await expect(writePrivate(path, 'x')).rejects.toMatchObject(refusal(/another user/));
  expect(existsSync(dirname(path))).toBe(false);
});

it('what one user of a process may trust is checked anew for another', async ({ skip }) => {
  skip(noOtherUser !== undefined, noOtherUser);
  giveAway();
  chownSync(dirname(path), otherUser, otherUser);
  chownSync(path, otherUser, otherUser);
  const asked = asOtherUser(() => readPrivate(path));
  expect(await asked).toBe('mine');
  chownSync(dirname(path), 0, 0);
  chownSync(path, 0, 0);
  await expect(readPrivate(path)).rejects.toMatchObject(refusal(/shared belongs to another user/));
});

it('a HOME in the directory of another user is refused, also for root', async ({ skip }) => {
  skip(noOtherUser !== undefined, noOtherUser);
  giveAway();
  vi.stubEnv('XDG_CACHE_HOME', undefined);
  vi.stubEnv('HOME', shared);
  const file = join(userDirectory('cache', 'app'), 'tokens', 'a.json');
  const foreignHome = {
    code: 'storage_unavailable',
    message: expect.stringContaining('shared, which HOME names, belongs to another user') as string,
  };
  for (const use of Object.values(uses)) await expect(use(file)).rejects.toMatchObject(foreignHome);
  expect(readdirSync(shared)).toEqual(['mine']);
});

describe('accepted, as by ssh, are', () => {
  it('a parent with the sticky bit, such as /tmp', async () => {
    chmodSync(shared, 0o1777);
    expect(await readPrivate(path)).toBe('mine');
  });

  it('a symbolic link of this user, relative or absolute', async () => {
    symlinkSync('shared/../shared', join(root, 'relative'));
    symlinkSync(join(root, 'relative'), join(root, 'absolute'));
    for (const link of ['relative', 'absolute'])
      expect(await readPrivate(join(root, link, '.', 'mine', '..', 'mine', 'a.json'))).toBe('mine');
  });

  it('a parent that root owns, for another user', async ({ skip }) => {
    skip(noOtherUser !== undefined, noOtherUser);
    for (const each of [dirname(path), path]) chownSync(each, otherUser, otherUser);
    const read = asOtherUser(() => readPrivate(path));
    expect(await read).toBe('mine');
  });
});

it('links that lead in a circle end in an error', async () => {
  symlinkSync('b', join(root, 'a'));
  symlinkSync('a', join(root, 'b'));
  const circle = { code: 'storage_unavailable', message: expect.stringContaining('ELOOP') as string };
  await expect(readPrivate(join(root, 'a', 'x'))).rejects.toMatchObject(circle);
  await expect(writePrivate(join(root, 'a', 'deep', 'x'), '')).rejects.toMatchObject(circle);
});

it('the text of the error quotes a directory, so that its command can be run', async () => {
  const odd = join(root, `it's $(here); now`);
  await writePrivate(join(odd, 'mine', 'a'), 'x');
  chmodSync(odd, 0o777);
  await expect(readPrivate(join(odd, 'mine', 'a'))).rejects.toMatchObject(
    refusal(/chmod go-w '[^\s]+\/it'\\''s \$\(here\); now'/),
  );
});
