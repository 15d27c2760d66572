import { readFileSync, writeFileSync } from 'node:fs';
import { rejectionOf } from '@oa-internal/testing';
import { createTokenCodec, fileTokenCache } from '@oa/token-cache';
import { expect, it } from 'vitest';
import { KEY, OTHER_KEY, TOKEN, useCache } from './setup.ts';

const fixture = useCache();
const PLACE = 'The row of the table tokens';
const codec = createTokenCodec({ place: PLACE });

it('writes the text that a file has, and reads it', async () => {
  const token = { ...TOKEN, refresh_token: 'r', other: { n: [1, -0] } };
  await fixture.cache.set(KEY, token);
  const text = await codec.encode(KEY, token);
  expect(text).toBe(readFileSync(fixture.file, 'utf8'));
  expect(await codec.decode(KEY, text)).toEqual(token);
  expect(codec.keyOf(text)).toBe(KEY);
  writeFileSync(fixture.file, await codec.encode(KEY, { ...token, access_token: 'from a row' }));
  expect(await fileTokenCache({ directory: fixture.directory }).get(KEY)).toMatchObject({ access_token: 'from a row' });
});

it('returns no token for the text of another key, or a damaged one', async () => {
  const text = await codec.encode(KEY, TOKEN);
  expect(await codec.decode(OTHER_KEY, text)).toBeUndefined();
  for (const damaged of ['', '{}', text.slice(0, -9), text.replace('"at"', '"au"')]) {
    expect(await codec.decode(KEY, damaged)).toBeUndefined();
    expect(codec.keyOf(damaged)).toBeUndefined();
  }
});

it('refuses a text of a newer format, and names the place of the store', async () => {
  const text = JSON.stringify({ format: 3, identity: JSON.parse(KEY) as unknown });
  expect(await rejectionOf(codec.decode(KEY, text))).toMatchObject({
    code: 'newer_file_format',
    message: expect.stringMatching(/^The row of the table tokens was written by a newer version/) as string,
  });
  expect(codec.keyOf(text)).toBeUndefined();
});

it('refuses a key that tokenKey did not make, and a codec without a place', async () => {
  await expect(codec.encode('other', TOKEN)).rejects.toThrow(TypeError);
  expect(() => createTokenCodec({ place: '' })).toThrow(TypeError);
  expect(() => createTokenCodec({ place: '' })).toThrow(/options\.place/);
});
