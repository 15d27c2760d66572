import { chmodSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { startProcess } from '@oa-internal/testing';
import { cacheFile, tokenKey, type CachedToken, type TokenCache } from '@oa/token-cache';
import type { Store, Token } from '@oa/types';
import { describe, expect, it } from 'vitest';
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

it('list gives the same tokens one after the other, in the order of keys, and ends where the caller leaves the loop', async () => {
  const { cache } = fixture;
  const stored = await storeTokens(40);
  const listed: CachedToken[] = [];
  for await (const token of cache.list()) listed.push(token);
  expect(listed).toEqual(await cache.list());
  expect(listed.map(({ key }) => key)).toEqual(stored.map(({ key }) => key));
  for await (const { key } of cache.list()) {
    expect(key).toBe(stored[0]?.key);
    break;
  }
});

it('list reads one file at a time and at most 16 ahead, and checks the way to them once for each 16', async () => {
  await storeTokens(100);
  const { directory } = fixture;
  const program = new URL('./programs/list.ts', import.meta.url);
  const { stdout, stderr } = await startProcess(program, { task: { directory: realpathSync(directory) } }).ended;
  expect(stderr).toBe('');
  const counts = { listed: 100, opened: 100, mostOpen: 1, mostAhead: 15, checks: Math.ceil(100 / 16) };
  expect(JSON.parse(stdout)).toEqual(counts);
});

it('list reads nothing before it is awaited or iterated', async () => {
  writeFileSync(fixture.directory, 'a file');
  const list = fixture.cache.list();
  await expect(fixture.cache.list()).rejects.toMatchObject({ code: 'storage_unavailable' });
  rmSync(fixture.directory);
  expect(await list).toEqual([]);
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

/** What the iteration gives before it ends, and the error that it ends with. */
async function iterate({ keys }: Pick<TokenCache, 'keys'>): Promise<{ found: string[]; error?: unknown }> {
  const found: string[] = [];
  try {
    for await (const key of keys()) found.push(key);
    return { found };
  } catch (error) {
    return { found, error };
  }
}

/** Stores tokens of several clients. Returns their keys and files in the order of the file names. */
async function storeTokens(count: number): Promise<{ key: string; file: string }[]> {
  const { cache, directory } = fixture;
  const identities = Array.from({ length: count }, (_, number) => ({ ...IDENTITY, client_id: `client-${number}` }));
  const stored = identities.map((each) => ({ key: tokenKey(each), file: cacheFile(each, { directory }) }));
  for (const { key } of stored) await cache.set(key, TOKEN);
  return stored.toSorted((a, b) => (a.file < b.file ? -1 : 1));
}

describe('keys', () => {
  it('has the type of the keys of a Map, so that both are stores that can be listed', async () => {
    const stores: Store<Token>[] = [new Map([[KEY, TOKEN]]), fixture.cache];
    await fixture.cache.set(KEY, TOKEN);
    for (const store of stores) {
      const found: string[] = [];
      for await (const key of store.keys?.() ?? []) found.push(key);
      expect(found).toEqual([KEY]);
    }
  });

  it('are those of all tokens, in the order of the file names, for as many files as there are', async () => {
    const stored = await storeTokens(500);
    expect((await iterate(fixture.cache)).found).toEqual(stored.map(({ key }) => key));
  });

  it.for(['missing', 'empty'])('are none where the directory is %s, and nothing is created', async (state) => {
    const { cache, directory, root } = fixture;
    if (state === 'empty') mkdirSync(directory, { mode: 0o700 });
    expect(await iterate(cache)).toEqual({ found: [] });
    expect(fileNames({ ...fixture, directory: root })).toEqual(state === 'empty' ? ['tokens'] : []);
  });

  it('are read to the end where files can not be read, and the first error comes last', async () => {
    const stored = await storeTokens(6);
    chmodSync(stored[1]?.file ?? '', 0o640);
    chmodSync(stored[4]?.file ?? '', 0o604);
    const { found, error } = await iterate(fixture.cache);
    expect(found).toEqual([0, 2, 3, 5].map((index) => stored[index]?.key));
    expect(error).toMatchObject({
      code: 'insecure_token_cache_permissions',
      message: expect.stringContaining(`chmod 600 ${stored[1]?.file}`) as string,
    });
  });

  it('reject if the directory can not be read', async () => {
    writeFileSync(fixture.directory, 'a file');
    expect(await iterate(fixture.cache)).toMatchObject({ found: [], error: { code: 'storage_unavailable' } });
  });

  it('leave out damaged, newer, copied and foreign files', async () => {
    const [first, second, third, ...others] = await storeTokens(5);
    const { directory } = fixture;
    writeFileSync(first?.file ?? '', readFileSync(first?.file ?? '', 'utf8').slice(0, 100));
    writeFileSync(second?.file ?? '', '{"format":99}');
    writeFileSync(third?.file ?? '', Buffer.from([0xff, 0xfe]));
    const [copied] = others;
    for (const name of [`v1.${'0'.repeat(64)}.json`, 'notes.json', `${basename(copied?.file ?? '')}.corrupt-1`])
      writeFileSync(join(directory, name), readFileSync(copied?.file ?? ''), { mode: 0o600 });
    expect(await iterate(fixture.cache)).toEqual({ found: others.map(({ key }) => key) });
    expect(await fixture.cache.list()).toHaveLength(others.length);
  });

  it('include a first token that its process could not put in its place, which get finds too', async () => {
    const { cache, file } = fixture;
    await cache.set(KEY, TOKEN);
    renameSync(file, `${file}.pending`);
    writeFileSync(`${cacheFile(OTHER_IDENTITY, fixture)}.pending`, 'half', { mode: 0o600 });
    expect(await iterate(cache)).toEqual({ found: [KEY] });
    expect(await cache.list()).toMatchObject([{ key: KEY, file }]);
    chmodSync(`${file}.pending`, 0o644);
    expect(await iterate(cache)).toEqual({ found: [] });
    chmodSync(`${file}.pending`, 0o600);
    expect(await cache.get(KEY)).toEqual(TOKEN);
  });

  it('go on where the caller deletes each token that it gets', async () => {
    const stored = await storeTokens(4);
    const { cache } = fixture;
    const deleted: string[] = [];
    for await (const key of cache.keys()) {
      deleted.push(key);
      await cache.delete(key);
    }
    expect(deleted).toEqual(stored.map(({ key }) => key));
    expect(await iterate(cache)).toEqual({ found: [] });
  });
});

it.skipIf(process.geteuid?.() !== 0)('names the owner of a directory that this user may not read', async () => {
  const { cache } = fixture;
  await cache.set(KEY, TOKEN);
  // Loads what is needed while this user may read it.
  await cache.list();
  process.seteuid?.(65_534);
  try {
    const found = cache.list();
    await expect(found).rejects.toMatchObject({ code: 'storage_unavailable' });
    await expect(found).rejects.toThrow(/this user may not use it, because .* belongs to another user \(.*uid 0\)/);
  } finally {
    process.seteuid?.(0);
  }
});
