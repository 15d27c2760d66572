import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { cacheDirectory, cacheFile, fileTokenCache, tokenKey, type TokenCache } from '@oa/token-cache';
import type { Token } from '@oa/types';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

const identity = { issuer: 'https://as.example', client_id: 'c', grant_type: 'client_credentials' };
const key = tokenKey(identity);
const other = tokenKey({ ...identity, client_id: 'd' });
const token: Token = { access_token: 'at', token_type: 'Bearer', expires_at: 2_000_000_000 };

let root: string;
let directory: string;
let cache: TokenCache;
let file: string;
beforeEach(() => {
  root = temporaryDirectory();
  directory = join(root, 'tokens');
  cache = fileTokenCache({ directory });
  file = cacheFile(identity, { directory });
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(root, { recursive: true });
});
/** What another process sees. */
const elsewhere = async (k = key): Promise<Token | undefined> => fileTokenCache({ directory }).get(k);
const names = (): string[] => readdirSync(directory).toSorted();

describe('a token', () => {
  test('comes back exactly as it was received, with unknown members, in another process too', async () => {
    const received = JSON.parse(
      '{"access_token":"a","token_type":"bEaReR","expires_in":3600,"scope":"b a","id_token":"x.y.z","__proto__":{"polluted":true},"constructor":1,"nested":{"n":[1,2.5,null,"é"]},"1":2}',
    ) as Token;
    await cache.set(key, received);
    for (const stored of [await cache.get(key), await elsewhere()]) {
      expect(stored).toEqual(received);
      expect(JSON.stringify(stored)).toBe(JSON.stringify(received));
      expect(Object.getPrototypeOf(stored)).toBe(Object.prototype);
    }
  });

  test('whatever JSON it has', async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (members) => {
        const received = { ...members, ...token, scope: 'a', refresh_token: 'r', expires_in: 5 } as Token;
        await cache.set(key, received);
        expect(JSON.stringify(await elsewhere())).toBe(JSON.stringify(received));
      }),
      { numRuns: 30 },
    );
  });

  test('D8: of one client is not handed to another, and delete removes one only', async () => {
    await cache.set(key, token);
    expect(await cache.get(other)).toBeUndefined();
    await cache.set(other, { ...token, access_token: 'other' });
    expect([(await elsewhere())?.access_token, (await elsewhere(other))?.access_token]).toEqual(['at', 'other']);
    await cache.delete(key);
    expect([await cache.get(key), await elsewhere()]).toEqual([undefined, undefined]);
    expect(await elsewhere(other)).toMatchObject({ access_token: 'other' });
    await cache.delete(key);
  });

  test('D8: in a file that was copied or renamed belongs to nobody', async () => {
    await cache.set(key, token);
    const copy = cacheFile({ ...identity, client_id: 'd' }, { directory });
    writeFileSync(copy, readFileSync(file), { mode: 0o600 });
    expect(await cache.get(other)).toBeUndefined();
    await cache.set(other, { ...token, access_token: 'other' });
    expect(names().filter((name) => name.includes('.corrupt-'))).toHaveLength(1);
  });

  test('is stored with its identity in clear and a format version, 0600 in 0700', async () => {
    await cache.set(key, token);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ format: 1, identity, token });
    expect([statSync(file).mode & 0o7777, statSync(directory).mode & 0o7777]).toEqual([0o600, 0o700]);
    expect(names()).toEqual([basename(file)]);
  });

  test('cannot be changed by one of those who were handed it', async () => {
    await cache.set(key, token);
    const first = await cache.get(key);
    expect(() => Object.assign(first ?? {}, { access_token: 'changed' })).toThrow(TypeError);
    expect(await cache.get(key)).toMatchObject({ access_token: 'at' });
  });

  test('a key that tokenKey has not made is a TypeError to set, and nothing to get', async () => {
    for (const wrong of [
      '',
      'key',
      '[]',
      '{}',
      '{"issuer":1,"grant_type":"g"}',
      '{"issuer":"i","grant_type":"g","scope":"a"}',
    ])
      await expect(cache.set(wrong, token)).rejects.toThrow(TypeError);
    expect(await cache.get('key')).toBeUndefined();
  });
});

describe('memory', () => {
  test('hands out without a promise what was read a moment ago, and notices another process after a second', async () => {
    await cache.set(key, token);
    await cache.get(key);
    expect(cache.get(key)).toMatchObject({ access_token: 'at' });
    const now = performance.now();
    const clock = vi.spyOn(performance, 'now').mockReturnValue(now);
    await fileTokenCache({ directory }).set(key, { ...token, access_token: 'newer' });
    expect(cache.get(key)).toMatchObject({ access_token: 'at' });
    clock.mockReturnValue(now + 1001);
    expect(await cache.get(key)).toMatchObject({ access_token: 'newer' });
    clock.mockReturnValue(now + 5000);
    expect(cache.get(key)).toMatchObject({ access_token: 'newer' });
    await fileTokenCache({ directory }).delete(key);
    clock.mockReturnValue(now + 9000);
    expect(await cache.get(key)).toBeUndefined();
  });

  test('a wall clock that jumps changes nothing', async () => {
    await cache.set(key, token);
    await cache.get(key);
    vi.spyOn(Date, 'now').mockReturnValue(0);
    const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 2000);
    await fileTokenCache({ directory }).set(key, { ...token, access_token: 'newer' });
    clock.mockReturnValue(performance.now() + 2000);
    expect(await cache.get(key)).toMatchObject({ access_token: 'newer' });
  });

  test('is not asked while the key is locked, or waited for', async () => {
    await cache.set(key, token);
    await cache.get(key);
    await cache.lock(key, async () => {
      await fileTokenCache({ directory }).set(key, { ...token, access_token: 'newer' });
      expect(await cache.get(key)).toMatchObject({ access_token: 'newer' });
      await fileTokenCache({ directory }).set(key, { ...token, access_token: 'newest' });
      const seen = await cache.lock(key, async () => 'locked', {
        whileWaiting: async () => (await cache.get(key))?.access_token,
      });
      expect(seen).toBe('newest');
    });
    expect(await cache.get(key)).toMatchObject({ access_token: 'newest' });
  });

  test('holds 10,000 keys, at the same time a lookup as with one', async () => {
    mkdirSync(directory, { mode: 0o700 });
    const keys = Array.from({ length: 10_001 }, (_, i) => tokenKey({ ...identity, profile: String(i) }));
    for (const [i, k] of keys.entries())
      writeFileSync(
        cacheFile({ ...identity, profile: String(i) }, { directory }),
        JSON.stringify({ format: 1, identity: JSON.parse(k) as unknown, token }),
        { mode: 0o600 },
      );
    for (const k of keys) await cache.get(k);
    // The oldest one had to go; all others are there.
    const missing = keys.filter((k) => cache.get(k) instanceof Promise);
    expect(missing.slice(0, 1)).toEqual([keys[0]]);
    expect(missing.length).toBeLessThanOrEqual(2);
    for (const k of missing) await cache.get(k);

    const one = fileTokenCache({ directory });
    await one.get(key);
    const single = keys[5000] ?? '';
    await one.get(single);
    const time = (store: TokenCache): number => {
      const started = performance.now();
      for (let i = 0; i < 100_000; i += 1) void store.get(single);
      return performance.now() - started;
    };
    time(cache);
    time(one);
    const ratios = Array.from({ length: 9 }, () => time(cache) / time(one)).toSorted((a, b) => a - b);
    expect(ratios[4]).toBeLessThan(1.5);
  }, 60_000);
});

describe('D7: what others could have read or planted', () => {
  const insecure = { name: 'OAuthError', code: 'insecure_token_cache_permissions' };
  const victim = (): string => {
    const path = join(root, 'victim');
    writeFileSync(path, 'precious', { mode: 0o600 });
    return path;
  };
  test.for<[string, () => unknown]>([
    ['0640', () => chmodSync(file, 0o640)],
    ['0604', () => chmodSync(file, 0o604)],
    ['a symbolic link', () => (rmSync(file), symlinkSync(victim(), file))],
    ['a dangling link', () => (rmSync(file), symlinkSync('nothing', file))],
    ['a hard link', () => linkSync(file, join(root, 'second'))],
    ['a FIFO', () => (rmSync(file), execFileSync('mkfifo', ['-m', '600', file]))],
    ['a directory', () => (rmSync(file), mkdirSync(file))],
    ['over 1 MiB', () => truncateSync(file, 2_000_000)],
  ])('%s is refused when read and when written, and left as it is', async ([, plant]) => {
    await cache.set(key, token);
    await cache.set(other, token);
    plant();
    const before = lstatSync(file);
    const fresh = fileTokenCache({ directory });
    await expect(fresh.get(key)).rejects.toMatchObject(insecure);
    await expect(fresh.set(key, token)).rejects.toMatchObject(insecure);
    await expect(fresh.list()).rejects.toMatchObject(insecure);
    expect(lstatSync(file)).toMatchObject({ ino: before.ino, mode: before.mode, size: before.size });
    expect(await fresh.get(other)).toEqual(token);
    // To forget it is what the user may ask for, except that a directory is not ours.
    if (!before.isDirectory()) await fresh.delete(key);
    const innocent = existsSync(join(root, 'victim')) ? readFileSync(join(root, 'victim'), 'utf8') : 'precious';
    expect(innocent).toBe('precious');
  });

  test('a directory in which others can write is refused by everything, with the way to fix it', async () => {
    await cache.set(key, token);
    chmodSync(directory, 0o777);
    const fresh = fileTokenCache({ directory });
    for (const attempt of [
      async () => fresh.get(key),
      async () => fresh.get(other),
      async () => fresh.set(key, token),
      async () => fresh.delete(key),
      async () => fresh.lock(key, async () => 1),
      async () => fresh.list(),
    ])
      await expect(attempt()).rejects.toMatchObject({
        ...insecure,
        message: expect.stringContaining(`chmod 700 ${directory}`) as string,
      });
  });

  test('what the work under the lock throws stays what it is', async () => {
    const error = Object.assign(new Error('of another package'), { code: 'insecure_file_permissions' });
    await expect(cache.lock(key, async () => Promise.reject(error))).rejects.toBe(error);
  });
});

describe('a damaged file', () => {
  test.for<[string, string | Uint8Array]>([
    ['empty', ''],
    ['truncated', '{"format":1,"identity":{"iss'],
    ['not UTF-8', new Uint8Array([0xff, 0x7b])],
    ['{}', '{}'],
    ['null', 'null'],
    ['an array', '[]'],
    ['without a format', JSON.stringify({ identity, token })],
    ['of format 0', JSON.stringify({ format: 0, identity, token })],
    ['without a token', JSON.stringify({ format: 1, identity })],
    ['with an empty token', JSON.stringify({ format: 1, identity, token: { ...token, access_token: '' } })],
    ['with a number as token', JSON.stringify({ format: 1, identity, token: { ...token, access_token: 5 } })],
    ['with a text as expiry', JSON.stringify({ format: 1, identity, token: { ...token, expires_at: 'soon' } })],
    ['with a number as refresh token', JSON.stringify({ format: 1, identity, token: { ...token, refresh_token: 5 } })],
    [
      'with a prototype as token',
      `{"format":1,"identity":${JSON.stringify(identity)},"token":{"__proto__":${JSON.stringify(token)}}}`,
    ],
    ['without an identity', JSON.stringify({ format: 1, token })],
  ])('%s: a miss for that key, moved aside by the next write, and others stay', async ([, content]) => {
    await cache.set(other, token);
    writeFileSync(file, content, { mode: 0o600 });
    expect(await cache.get(key)).toBeUndefined();
    expect(await cache.list()).toHaveLength(1);
    expect(readFileSync(file)).toEqual(Buffer.from(content));
    await cache.set(key, token);
    expect(await cache.get(key)).toEqual(token);
    expect(await elsewhere(other)).toEqual(token);
    const aside = names().find((name) => /\.corrupt-\d+$/.test(name)) ?? '';
    expect(readFileSync(join(directory, aside))).toEqual(Buffer.from(content));
  });

  test('of a newer format is neither used nor overwritten', async () => {
    const newer = JSON.stringify({ format: 2, something: 'else' });
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(file, newer, { mode: 0o600 });
    await expect(cache.get(key)).rejects.toMatchObject({ code: 'newer_file_format' });
    await expect(cache.set(key, token)).rejects.toMatchObject({ code: 'newer_file_format' });
    expect(await cache.list()).toEqual([]);
    expect(readFileSync(file, 'utf8')).toBe(newer);
    await cache.delete(key);
    expect(existsSync(file)).toBe(false);
  });
});

describe('list and clear', () => {
  test('list shows what a person needs and no secret, whatever the server granted', async () => {
    expect(await cache.list()).toEqual([]);
    const full = { ...identity, scope: 'a b', resource: 'https://api', audience: 'x', profile: 'work' };
    await cache.set(tokenKey(full), { ...token, refresh_token: 's3cret-refresh', access_token: 's3cret-access' });
    await cache.set(other, { access_token: 's3cret-access', token_type: 'Bearer', scope: 'granted' });
    const listed = await cache.list();
    expect(listed).toHaveLength(2);
    expect(listed).toContainEqual({
      key: tokenKey(full),
      file: cacheFile(full, { directory }),
      issuer: identity.issuer,
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
      key: other,
      file: cacheFile({ ...identity, client_id: 'd' }, { directory }),
      issuer: identity.issuer,
      client_id: 'd',
      grant_type: 'client_credentials',
      scope: 'granted',
      has_refresh_token: false,
    });
    expect(JSON.stringify(listed)).not.toContain('s3cret');
  });

  test('what clear can’t remove is a typed error', async () => {
    mkdirSync(join(directory, `v1.${'0'.repeat(64)}.json`), { recursive: true });
    await expect(cache.clear()).rejects.toMatchObject({ code: 'storage_unavailable' });
  });

  test('clear removes all that is ours and may hold a secret, and nothing else', async () => {
    await cache.clear();
    await cache.set(key, token);
    await cache.get(key);
    await cache.lock(other, async () => cache.set(other, token));
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
    expect(await cache.get(key)).toBeUndefined();
    expect(names()).toEqual(
      [
        'notes.txt',
        `${basename(cacheFile({ ...identity, client_id: 'd' }, { directory }))}.lock`,
        'v1.x.json',
      ].toSorted(),
    );
  });

  test('a directory that cannot be listed is an error', async () => {
    writeFileSync(directory, 'a file');
    await expect(cache.list()).rejects.toMatchObject({ code: 'storage_unavailable' });
  });
});

describe('where it is', () => {
  test('D7: below XDG_CACHE_HOME, else ~/.cache, by the name of the app', async () => {
    vi.stubEnv('XDG_CACHE_HOME', undefined);
    vi.stubEnv('HOME', root);
    expect(cacheDirectory()).toBe(join(root, '.cache', 'oa', 'tokens'));
    expect(cacheDirectory('mine')).toBe(join(root, '.cache', 'mine', 'tokens'));
    vi.stubEnv('XDG_CACHE_HOME', join(root, 'xdg'));
    expect(cacheFile(identity, { app: 'mine' })).toBe(join(root, 'xdg', 'mine', 'tokens', basename(file)));
    await fileTokenCache({ app: 'mine' }).set(key, token);
    expect(existsSync(cacheFile(identity, { app: 'mine' }))).toBe(true);
    expect(await fileTokenCache({ app: 'mine' }).list()).toHaveLength(1);
  });

  test('D7: without a home everything rejects with storage_unavailable, and nothing is written anywhere', async () => {
    for (const name of ['HOME', 'XDG_CACHE_HOME']) vi.stubEnv(name, 'relative');
    const here = readdirSync('.').toSorted();
    const homeless = fileTokenCache();
    for (const attempt of [
      async () => homeless.get(key),
      async () => homeless.set(key, token),
      async () => homeless.delete(key),
      async () => homeless.lock(key, async () => 1),
      async () => homeless.list(),
      async () => homeless.clear(),
    ])
      await expect(attempt()).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(readdirSync('.').toSorted()).toEqual(here);
  });

  test('a wrong option is a TypeError at once', () => {
    expect(() => fileTokenCache({ directory: 'relative' })).toThrow(/absolute/);
    expect(() => fileTokenCache({ directory: 5 as never })).toThrow(TypeError);
    expect(() => fileTokenCache({ app: '' })).toThrow(TypeError);
    expect(() => fileTokenCache({ app: 5 as never })).toThrow(TypeError);
    expect(() => fileTokenCache({ app: '../x' })).toThrow(TypeError);
  });
});
