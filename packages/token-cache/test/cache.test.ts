import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { cacheFile } from '@oa/token-cache';
import type { Token } from '@oa/types';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { fileNames, IDENTITY, KEY, OTHER_IDENTITY, OTHER_KEY, readElsewhere, TOKEN, useCache } from './setup.ts';

const fixture = useCache();

it('returns a token exactly as it was received, with unknown members, in another process too', async () => {
  const { cache } = fixture;
  const received = JSON.parse(
    '{"access_token":"a","token_type":"bEaReR","expires_in":3600,"scope":"b a","id_token":"x.y.z","__proto__":{"polluted":true},"constructor":1,"nested":{"n":[1,2.5,null,"é"]},"1":2}',
  ) as Token;
  await cache.set(KEY, received);
  for (const stored of [await cache.get(KEY), await readElsewhere(fixture)]) {
    expect(stored).toEqual(received);
    expect(JSON.stringify(stored)).toBe(JSON.stringify(received));
    expect(Object.getPrototypeOf(stored)).toBe(Object.prototype);
  }
});

it('returns any JSON members exactly as they were received', async () => {
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (members) => {
      const received = { ...members, ...TOKEN, scope: 'a', refresh_token: 'r', expires_in: 5 } as Token;
      await fixture.cache.set(KEY, received);
      expect(JSON.stringify(await readElsewhere(fixture))).toBe(JSON.stringify(received));
    }),
    { numRuns: 30 },
  );
});

it('returns numbers that JSON.stringify can not write as they were received', async () => {
  const received = JSON.parse(
    '{"access_token":"a","token_type":"Bearer","a":1e400,"b":{"c":[-1e400,-0]},"d":12345678901234567890,"e":1e-400}',
  ) as Token;
  await fixture.cache.set(KEY, received);
  expect(await readElsewhere(fixture)).toEqual(received);
  expect(readFileSync(fixture.file, 'utf8')).toContain(
    '"a":1e400,"b":{"c":[-1e400,-0]},"d":12345678901234567000,"e":0',
  );
});

it('does not return the token of one client to another, and deletes one token only', async () => {
  const { cache } = fixture;
  await cache.set(KEY, TOKEN);
  expect(await cache.get(OTHER_KEY)).toBeUndefined();
  await cache.set(OTHER_KEY, { ...TOKEN, access_token: 'other' });
  expect((await readElsewhere(fixture))?.access_token).toBe('at');
  expect((await readElsewhere(fixture, OTHER_KEY))?.access_token).toBe('other');
  await cache.delete(KEY);
  expect([await cache.get(KEY), await readElsewhere(fixture)]).toEqual([undefined, undefined]);
  expect(await readElsewhere(fixture, OTHER_KEY)).toMatchObject({ access_token: 'other' });
  await cache.delete(KEY);
});

it('does not return a token whose file was copied or renamed', async () => {
  const { cache, directory, file } = fixture;
  await cache.set(KEY, TOKEN);
  writeFileSync(cacheFile(OTHER_IDENTITY, { directory }), readFileSync(file), { mode: 0o600 });
  expect(await cache.get(OTHER_KEY)).toBeUndefined();
  await cache.set(OTHER_KEY, { ...TOKEN, access_token: 'other' });
  expect(fileNames(fixture).filter((name) => name.includes('.corrupt-'))).toHaveLength(1);
});

it('stores a token with its identity in clear and a format version, mode 0600 in 0700', async () => {
  const { cache, directory, file } = fixture;
  await cache.set(KEY, TOKEN);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
    format: 1,
    identity: IDENTITY,
    token: TOKEN,
    checksum: expect.stringMatching(/^[\da-f]{64}$/) as string,
  });
  expect([statSync(file).mode & 0o7777, statSync(directory).mode & 0o7777]).toEqual([0o600, 0o700]);
  expect(fileNames(fixture)).toEqual([basename(file)]);
});

it('returns a token that no caller can change for the others', async () => {
  const { cache } = fixture;
  await cache.set(KEY, TOKEN);
  const first = await cache.get(KEY);
  expect(() => Object.assign(first ?? {}, { access_token: 'changed' })).toThrow(TypeError);
  expect(await cache.get(KEY)).toMatchObject({ access_token: 'at' });
});

it('set throws a TypeError for a key that tokenKey has not made, and get finds nothing', async () => {
  const { cache } = fixture;
  for (const wrong of [
    '',
    'key',
    '[]',
    '{}',
    '{"issuer":1,"grant_type":"g"}',
    '{"issuer":"i","grant_type":"g","scope":"a"}',
  ])
    await expect(cache.set(wrong, TOKEN)).rejects.toThrow(TypeError);
  expect(await cache.get('key')).toBeUndefined();
});
