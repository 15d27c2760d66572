// Another user who controls a directory above the tokens can exchange the tokens of two programs.
import { chmodSync, chownSync, mkdirSync, readdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory, fileTokenCache } from '@oa/token-cache';
import { expect, it, vi } from 'vitest';
import { KEY, OTHER_KEY, TOKEN, useCache } from '../setup.ts';

const fixture = useCache();
const otherUser = 65_534;
const noOtherUser = process.geteuid?.() === 0 ? undefined : 'only root can act as another user and give files away';

/** What every method comes to. */
async function useAll(): Promise<unknown[]> {
  const cache = fileTokenCache({ app: 'mine' });
  const uses = [
    async () => cache.get(KEY),
    async () => cache.set(OTHER_KEY, TOKEN),
    async () => cache.delete(KEY),
    async () => cache.lock(KEY, async () => 'worked'),
    async () => cache.list(),
    async () => cache.clear(),
  ];
  return Promise.all(uses.map((use) => use().catch((error: unknown) => error)));
}

function refusal(directory: string, remedy: string): object {
  return {
    name: 'OAuthError',
    code: 'insecure_token_cache_permissions',
    message: expect.stringMatching(new RegExp(`^${directory} .*${remedy}`)) as string,
  };
}

it('another user who can write a parent, and exchanges the directories of two programs, gets every method refused', async ({
  skip,
}) => {
  skip(noOtherUser !== undefined, noOtherUser);
  const { root } = fixture;
  vi.stubEnv('XDG_CACHE_HOME', root);
  await fileTokenCache({ app: 'mine' }).set(KEY, TOKEN);
  await fileTokenCache({ app: 'other' }).set(KEY, { ...TOKEN, access_token: 'of the other program' });
  chmodSync(root, 0o777);
  process.seteuid?.(otherUser);
  try {
    for (const [from, to] of [['mine', 'aside'] as const, ['other', 'mine'] as const, ['aside', 'other'] as const])
      renameSync(join(root, from), join(root, to));
  } finally {
    process.seteuid?.(0);
  }
  for (const end of await useAll()) expect(end).toMatchObject(refusal(root, `chmod go-w ${root}`));
  chmodSync(root, 0o700);
  expect(await fileTokenCache({ app: 'other' }).get(KEY)).toEqual(TOKEN);
});

it('tokens below a directory of another user are refused by every method, with what to do', async ({ skip }) => {
  skip(noOtherUser !== undefined, noOtherUser);
  const { root } = fixture;
  vi.stubEnv('XDG_CACHE_HOME', undefined);
  vi.stubEnv('HOME', join(root, 'home'));
  await fileTokenCache({ app: 'mine' }).set(KEY, TOKEN);
  chownSync(join(root, 'home'), otherUser, otherUser);
  for (const end of await useAll()) expect(end).toMatchObject(foreignHome(join(root, 'home')));
  expect(readdirSync(cacheDirectory('mine'))).toHaveLength(1);
});

it('nothing is created in the home directory of another user', async ({ skip }) => {
  skip(noOtherUser !== undefined, noOtherUser);
  const home = join(fixture.root, 'home');
  vi.stubEnv('XDG_CACHE_HOME', undefined);
  vi.stubEnv('HOME', home);
  mkdirSync(home);
  chownSync(home, otherUser, otherUser);
  const cache = fileTokenCache({ app: 'mine' });
  for (const use of [cache.set(KEY, TOKEN), cache.lock(KEY, async () => cache.reserve(KEY))])
    await expect(use).rejects.toMatchObject(foreignHome(home));
  expect(readdirSync(home)).toEqual([]);
});

/** The error of a program that runs with the HOME of another user. */
function foreignHome(home: string): object {
  return {
    code: 'storage_unavailable',
    message: expect.stringMatching(
      new RegExp(`^${home}, which HOME names, belongs to another user \\(.*uid 65534\\).* without sudo`),
    ) as string,
  };
}

it('a symbolic link swapped in for the directory of the tokens, to a place that others can change, is refused', async () => {
  const { cache, directory, root } = fixture;
  await cache.set(KEY, TOKEN);
  const open = join(root, 'open');
  mkdirSync(open);
  renameSync(directory, join(open, 'tokens'));
  chmodSync(open, 0o777);
  symlinkSync(join(open, 'tokens'), directory);
  await expect(fileTokenCache({ directory }).get(KEY)).rejects.toMatchObject(refusal(open, 'chmod go-w'));
  await expect(cache.set(KEY, TOKEN)).rejects.toMatchObject(refusal(open, 'chmod go-w'));
});
