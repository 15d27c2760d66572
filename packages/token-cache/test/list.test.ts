import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cacheFile, tokenKey } from '@oa/token-cache';
import { expect, it } from 'vitest';
import { fileNames, IDENTITY, KEY, OTHER_IDENTITY, OTHER_KEY, TOKEN, useCache } from './setup.ts';

const fixture = useCache();

it('list describes the tokens without a secret, whatever the server granted', async () => {
  const { cache, directory } = fixture;
  expect(await cache.list()).toEqual([]);
  const full = { ...IDENTITY, scope: 'a b', resource: 'https://api', audience: 'x', profile: 'work' };
  await cache.set(tokenKey(full), { ...TOKEN, refresh_token: 's3cret-refresh', access_token: 's3cret-access' });
  await cache.set(OTHER_KEY, { access_token: 's3cret-access', token_type: 'Bearer', scope: 'granted' });
  const listed = await cache.list();
  expect(listed).toHaveLength(2);
  expect(listed).toContainEqual({
    key: tokenKey(full),
    file: cacheFile(full, { directory }),
    issuer: IDENTITY.issuer,
    client_id: 'c',
    grant_type: 'client_credentials',
    scope: 'a b',
    resource: ['https://api'],
    audience: ['x'],
    profile: 'work',
    expires_at: 2_000_000_000,
    has_refresh_token: true,
  });
  expect(listed).toContainEqual({
    key: OTHER_KEY,
    file: cacheFile(OTHER_IDENTITY, { directory }),
    issuer: IDENTITY.issuer,
    client_id: 'd',
    grant_type: 'client_credentials',
    scope: 'granted',
    has_refresh_token: false,
  });
  expect(JSON.stringify(listed)).not.toContain('s3cret');
});

it('list rejects if the directory can not be listed', async () => {
  writeFileSync(fixture.directory, 'a file');
  await expect(fixture.cache.list()).rejects.toMatchObject({ code: 'storage_unavailable' });
});

it('clear removes every file of the cache that may hold a secret, and no other file', async () => {
  const { cache, directory, file } = fixture;
  await cache.clear();
  await cache.set(KEY, TOKEN);
  await cache.get(KEY);
  await cache.lock(OTHER_KEY, async () => cache.set(OTHER_KEY, TOKEN));
  const hash = basename(file, '.json');
  for (const name of [
    `${hash}.json.corrupt-1`,
    `${hash}.json.pending`,
    `.${hash}.json.${'a'.repeat(18)}.tmp`,
    `${hash}.failure`,
    'notes.txt',
    'v1.x.json',
  ])
    writeFileSync(join(directory, name), 'x', { mode: 0o600 });
  await cache.clear();
  expect(await cache.get(KEY)).toBeUndefined();
  const lock = `${basename(cacheFile(OTHER_IDENTITY, { directory }))}.lock`;
  expect(fileNames(fixture)).toEqual(['notes.txt', lock, 'v1.x.json'].toSorted());
});

it('clear rejects if a file can not be removed, and removes all others', async () => {
  const { cache, directory } = fixture;
  const name = `v1.${'0'.repeat(64)}.json`;
  mkdirSync(join(directory, name), { recursive: true });
  await cache.set(KEY, TOKEN);
  await expect(cache.clear()).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect(fileNames(fixture)).toEqual([name]);
});
