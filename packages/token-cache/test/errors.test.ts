import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileTokenCache, type TokenCache } from '@oa/token-cache';
import { OAuthError } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { KEY, OTHER_KEY, TOKEN, useCache } from './setup.ts';

const fixture = useCache();
const insecure = { name: 'OAuthError', code: 'insecure_token_cache_permissions' };

function createVictim(): string {
  const path = join(fixture.root, 'victim');
  writeFileSync(path, 'precious', { mode: 0o600 });
  return path;
}

describe('a file that other users could have read or planted is not used, and the next token replaces it', () => {
  const cases: [string, (file: string) => unknown][] = [
    ['mode 0640', (file) => chmodSync(file, 0o640)],
    ['mode 0604', (file) => chmodSync(file, 0o604)],
    ['a symbolic link', (file) => (rmSync(file), symlinkSync(createVictim(), file))],
    ['a dangling symbolic link', (file) => (rmSync(file), symlinkSync('nothing', file))],
    ['a hard link', (file) => linkSync(file, join(fixture.root, 'second'))],
    ['a FIFO', (file) => (rmSync(file), execFileSync('mkfifo', ['-m', '600', file]))],
    ['more than 1 MiB', (file) => truncateSync(file, 2_000_000)],
  ];
  const renewed = { ...TOKEN, access_token: 'renewed' };
  const writes: [string, (cache: TokenCache) => Promise<void>][] = [
    ['without the lock', async (cache) => cache.set(KEY, renewed)],
    ['with the lock', async (cache) => cache.lock(KEY, async () => cache.set(KEY, renewed))],
    ['reserved', async (cache) => cache.lock(KEY, async () => (await cache.reserve(KEY), cache.set(KEY, renewed)))],
  ];
  it.for(cases.flatMap(([name, plant]) => writes.map(([how, write]) => [name, how, plant, write] as const)))(
    '%s, %s',
    async ([, , plant, write]) => {
      const { cache, directory, file, root } = fixture;
      await cache.set(KEY, TOKEN);
      await cache.set(OTHER_KEY, TOKEN);
      plant(file);
      const { ino, mode, size } = lstatSync(file);
      const fresh = fileTokenCache({ directory });
      await expect(fresh.get(KEY)).rejects.toMatchObject(insecure);
      await expect(fresh.list()).rejects.toMatchObject(insecure);
      expect(lstatSync(file)).toMatchObject({ ino, mode, size });
      expect(await fresh.get(OTHER_KEY)).toEqual(TOKEN);
      await write(fresh);
      expect(lstatSync(file).mode & 0o7777).toBe(0o600);
      expect(await fileTokenCache({ directory }).get(KEY)).toEqual(renewed);
      const victim = join(root, 'victim');
      expect(existsSync(victim) ? readFileSync(victim, 'utf8') : 'precious').toBe('precious');
      const second = join(root, 'second');
      expect(existsSync(second) ? readFileSync(second, 'utf8') : '"at"').toContain('"at"');
      await fresh.delete(KEY);
    },
  );

  it('but a directory and a file of another user stay, and the error says what to do', async ({ skip }) => {
    const { cache, file } = fixture;
    await cache.set(KEY, TOKEN);
    rmSync(file);
    mkdirSync(file);
    for (const write of writes.map(([, each]) => each))
      await expect(write(cache)).rejects.toMatchObject({
        ...insecure,
        message: expect.stringContaining('Move it away.') as string,
      });
    skip(process.geteuid?.() !== 0, 'only root can give a file away');
    rmSync(file, { recursive: true });
    writeFileSync(file, 'planted', { mode: 0o600 });
    chownSync(file, 65_534, 65_534);
    for (const write of writes.map(([, each]) => each))
      await expect(write(cache)).rejects.toMatchObject({
        ...insecure,
        message: expect.stringContaining('belongs to another user') as string,
      });
    expect(readFileSync(file, 'utf8')).toBe('planted');
  });
});

it('a directory in which other users can write is refused by every method, with the command that repairs it', async () => {
  const { cache, directory } = fixture;
  await cache.set(KEY, TOKEN);
  chmodSync(directory, 0o777);
  const fresh = fileTokenCache({ directory });
  for (const use of [
    async () => fresh.get(KEY),
    async () => fresh.get(OTHER_KEY),
    async () => fresh.set(KEY, TOKEN),
    async () => fresh.delete(KEY),
    async () => fresh.lock(KEY, async () => 1),
    async () => fresh.list(),
    async () => fresh.clear(),
  ])
    await expect(use()).rejects.toMatchObject({
      ...insecure,
      message: expect.stringContaining(`chmod 700 ${directory}`) as string,
    });
});

it('a directory in which other users can write is refused by a reservation too', async () => {
  const { cache, directory } = fixture;
  await cache.lock(KEY, async () => {
    chmodSync(directory, 0o777);
    await expect(cache.reserve(KEY)).rejects.toMatchObject(insecure);
    chmodSync(directory, 0o700);
  });
});

it('the errors of the work under the lock keep their code', async () => {
  const { cache } = fixture;
  const foreign = Object.assign(new Error('of another package'), { code: 'insecure_file_permissions' });
  await expect(cache.lock(KEY, async () => Promise.reject(foreign))).rejects.toBe(foreign);
  const own = new OAuthError('insecure_file_permissions', 'Of another file.');
  await expect(cache.lock(KEY, async () => Promise.reject(own))).rejects.toBe(own);
});
