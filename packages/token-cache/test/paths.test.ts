import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cacheDirectory, cacheFile, fileTokenCache } from '@oa/token-cache';
import { expect, it, vi } from 'vitest';
import { IDENTITY, KEY, TOKEN, useCache } from './setup.ts';

const fixture = useCache();

it('tokens are below XDG_CACHE_HOME, else below ~/.cache, in a directory with the name of the app', async () => {
  const { file, root } = fixture;
  vi.stubEnv('XDG_CACHE_HOME', undefined);
  vi.stubEnv('HOME', root);
  expect(cacheDirectory()).toBe(join(root, '.cache', 'oa', 'tokens'));
  expect(cacheDirectory('mine')).toBe(join(root, '.cache', 'mine', 'tokens'));
  vi.stubEnv('XDG_CACHE_HOME', join(root, 'xdg'));
  expect(cacheFile(IDENTITY, { app: 'mine' })).toBe(join(root, 'xdg', 'mine', 'tokens', basename(file)));
  await fileTokenCache({ app: 'mine' }).set(KEY, TOKEN);
  expect(existsSync(cacheFile(IDENTITY, { app: 'mine' }))).toBe(true);
  expect(await fileTokenCache({ app: 'mine' }).list()).toHaveLength(1);
});

it('without a home directory every method rejects with storage_unavailable, and nothing is written', async () => {
  for (const name of ['HOME', 'XDG_CACHE_HOME']) vi.stubEnv(name, 'relative');
  const here = readdirSync('.').toSorted();
  const homeless = fileTokenCache();
  for (const use of [
    async () => homeless.get(KEY),
    async () => homeless.set(KEY, TOKEN),
    async () => homeless.delete(KEY),
    async () => homeless.lock(KEY, async () => 1),
    async () => homeless.list(),
    async () => homeless.clear(),
  ])
    await expect(use()).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect(readdirSync('.').toSorted()).toEqual(here);
});

it('a wrong option is a TypeError at once', () => {
  expect(() => fileTokenCache({ directory: 'relative' })).toThrow(/absolute/);
  expect(() => fileTokenCache({ directory: 5 as never })).toThrow(TypeError);
  expect(() => fileTokenCache({ app: '' })).toThrow(TypeError);
  expect(() => fileTokenCache({ app: 5 as never })).toThrow(TypeError);
  expect(() => fileTokenCache({ app: '../x' })).toThrow(TypeError);
});
