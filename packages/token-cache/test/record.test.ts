import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileTokenCache } from '@oa/token-cache';
import { attempt, type OAuthEvent } from '@oa/types';
import { expect, it } from 'vitest';
import { fileNames, IDENTITY, KEY, OTHER_KEY, readElsewhere, TOKEN, useCache } from './setup.ts';

const fixture = useCache();

it.for<[string, string | Uint8Array]>([
  ['empty', ''],
  ['truncated', '{"format":1,"identity":{"iss'],
  ['not UTF-8', new Uint8Array([0xff, 0x7b])],
  ['{}', '{}'],
  ['null', 'null'],
  ['an array', '[]'],
  ['without a format', JSON.stringify({ identity: IDENTITY, token: TOKEN })],
  ['of format 0', JSON.stringify({ format: 0, identity: IDENTITY, token: TOKEN })],
  ['without a token', JSON.stringify({ format: 1, identity: IDENTITY })],
  ['with an empty token', JSON.stringify({ format: 1, identity: IDENTITY, token: { ...TOKEN, access_token: '' } })],
  ['with a number as token', JSON.stringify({ format: 1, identity: IDENTITY, token: { ...TOKEN, access_token: 5 } })],
  ['with a text as expiry', JSON.stringify({ format: 1, identity: IDENTITY, token: { ...TOKEN, expires_at: 'soon' } })],
  [
    'with a number as refresh token',
    JSON.stringify({ format: 1, identity: IDENTITY, token: { ...TOKEN, refresh_token: 5 } }),
  ],
  [
    'with a prototype as token',
    `{"format":1,"identity":${JSON.stringify(IDENTITY)},"token":{"__proto__":${JSON.stringify(TOKEN)}}}`,
  ],
  ['without an identity', JSON.stringify({ format: 1, token: TOKEN })],
])('a file that is damaged (%s) counts as missing, and the next write moves it aside', async ([, content]) => {
  const { cache, directory, file } = fixture;
  await cache.set(OTHER_KEY, TOKEN);
  writeFileSync(file, content, { mode: 0o600 });
  expect(await cache.get(KEY)).toBeUndefined();
  expect(await cache.list()).toHaveLength(1);
  expect(readFileSync(file)).toEqual(Buffer.from(content));
  await cache.set(KEY, TOKEN);
  expect(await cache.get(KEY)).toEqual(TOKEN);
  expect(await readElsewhere(fixture, OTHER_KEY)).toEqual(TOKEN);
  const renamed = fileNames(fixture).find((name) => /\.corrupt-\d+$/.test(name)) ?? '';
  expect(readFileSync(join(directory, renamed))).toEqual(Buffer.from(content));
});

it('a file with any flipped bit or any cut does not return another token', async () => {
  const { cache, directory, file } = fixture;
  const token = { ...TOKEN, refresh_token: 'refresh', scope: 'a b', nested: { n: 1 } };
  await cache.set(KEY, token);
  const intact = readFileSync(file);
  let used = 0;
  const expectNoOtherToken = async (bytes: Uint8Array): Promise<void> => {
    writeFileSync(file, bytes);
    const result = await attempt((async () => fileTokenCache({ directory }).get(KEY))());
    if (result.ok && result.value !== undefined) used += 1;
    // The bit may be one of the number of the format.
    const outcome = result.ok ? result.value && JSON.stringify(result.value) : result.error.code;
    expect([undefined, JSON.stringify(token), 'newer_file_format']).toContain(outcome);
  };
  for (let at = 0; at < intact.length; at += 1) {
    const flipped = Buffer.from(intact);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
    await expectNoOtherToken(flipped);
    await expectNoOtherToken(intact.subarray(0, at));
  }
  // A flipped bit in the name of the checksum, or in the white space at the end.
  expect(used).toBeLessThan(20);
  await expectNoOtherToken(intact);
  expect(used).toBeGreaterThan(0);
});

it('a file of an earlier version, without a checksum, is used, also where the token itself has one', async () => {
  const { cache, file } = fixture;
  await cache.set(OTHER_KEY, TOKEN);
  const token = { ...TOKEN, checksum: 'a'.repeat(64) };
  writeFileSync(file, `${JSON.stringify({ format: 1, identity: IDENTITY, token })}\n`, { mode: 0o600 });
  expect(await cache.get(KEY)).toEqual(token);
});

it('a damaged file is one event, until a new token has replaced it', async () => {
  const { directory, file } = fixture;
  const events: OAuthEvent[] = [];
  const cache = fileTokenCache({ directory, onEvent: (event) => events.push(event) });
  await cache.set(KEY, TOKEN);
  for (const count of [1, 2]) {
    writeFileSync(file, readFileSync(file, 'utf8').replace('"at"', '"au"'));
    expect([await cache.get(KEY), await cache.get(KEY)]).toEqual([undefined, undefined]);
    expect(events).toHaveLength(count);
    await cache.set(KEY, TOKEN);
    expect(await readElsewhere(fixture)).toEqual(TOKEN);
  }
  expect(events[0]).toEqual({
    type: 'file_damaged',
    file,
    message: expect.stringMatching(/ is damaged: .* moves it aside\.$/) as string,
  });
});

it('a file of a newer format is neither used nor overwritten', async () => {
  const { cache, directory, file } = fixture;
  const newer = JSON.stringify({ format: 3, something: 'else' });
  mkdirSync(directory, { mode: 0o700 });
  writeFileSync(file, newer, { mode: 0o600 });
  await expect(cache.get(KEY)).rejects.toMatchObject({ code: 'newer_file_format' });
  await expect(cache.set(KEY, TOKEN)).rejects.toMatchObject({ code: 'newer_file_format' });
  expect(await cache.list()).toEqual([]);
  expect(readFileSync(file, 'utf8')).toBe(newer);
  await cache.delete(KEY);
  expect(existsSync(file)).toBe(false);
});
