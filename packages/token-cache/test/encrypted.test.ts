import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { errorThrownBy, inspectAll, rejectionOf } from '@oa-internal/testing';
import { encryptText, rotate } from '@oa/encryption';
import { cacheFile, createTokenCodec, fileTokenCache, type TokenCache } from '@oa/token-cache';
import { attempt, OAuthError, type KeySource, type OAuthEvent, type Token } from '@oa/types';
import { sha256Hex } from '@oa/mechanisms';
import { expect, it } from 'vitest';
import { readAsFirstVersion } from './format-1.ts';
import { fileNames, IDENTITY, KEY, OTHER_IDENTITY, OTHER_KEY, readElsewhere, TOKEN, useCache } from './setup.ts';

const fixture = useCache();
const SECRETS = /secret-access|secret-refresh|c2VjcmV0L|secret-id/;
const token: Token = {
  ...TOKEN,
  access_token: 'secret-access',
  refresh_token: 'secret-refresh',
  id_token: 'secret-id',
  scope: 'read write',
  nested: { n: [1e300, -0] },
};

function testKey(id = 'kms/1', value = 1): KeySource {
  return { id, key: async () => new Uint8Array(32).fill(value) };
}

function encrypted(encryption: KeySource = testKey()): TokenCache {
  return fileTokenCache({ directory: fixture.directory, encryption });
}

/** Changes the text of the file of `KEY`, and makes its checksum right again, as an attacker would. */
function forge(change: (text: string) => string): void {
  const before = readFileSync(fixture.file, 'utf8');
  const text = change(before).replace(/,"checksum":"[\da-f]{64}"\}\n$/, '');
  expect(text).not.toBe(before.replace(/,"checksum":"[\da-f]{64}"\}\n$/, ''));
  writeFileSync(fixture.file, `${text},"checksum":"${sha256Hex(text)}"}\n`);
}

/** The content of all files of the cache. */
function allBytes(): string {
  return readdirSync(fixture.directory)
    .map((name) => readFileSync(join(fixture.directory, name), 'latin1'))
    .join('\n');
}

it('keeps every member of a token, in a file without any secret', async () => {
  await encrypted().set(KEY, token);
  expect(await encrypted().get(KEY)).toEqual(token);
  expect(allBytes()).not.toMatch(SECRETS);
  expect(JSON.parse(readFileSync(fixture.file, 'utf8'))).toEqual({
    format: 2,
    identity: IDENTITY,
    shown: { expires_at: TOKEN.expires_at, scope: 'read write', has_refresh_token: true },
    encrypted: { key: 'kms/1', iv: expect.any(String) as string, ciphertext: expect.any(String) as string },
    checksum: expect.stringMatching(/^[\da-f]{64}$/) as string,
  });
});

it('lists tokens without the key, and says which key each is encrypted with', async () => {
  await encrypted().set(KEY, token);
  await fixture.cache.set(OTHER_KEY, TOKEN);
  const described = { ...IDENTITY, scope: 'read write', expires_at: TOKEN.expires_at, has_refresh_token: true };
  for (const cache of [encrypted(testKey('kms/2', 2)), fixture.cache]) {
    const list = await cache.list();
    expect(list.find(({ key }) => key === KEY)).toEqual({
      ...described,
      key: KEY,
      file: fixture.file,
      encryption_key: 'kms/1',
    });
    expect(list.find(({ key }) => key === OTHER_KEY)).not.toHaveProperty('encryption_key');
    const keys: string[] = [];
    for await (const key of cache.keys()) keys.push(key);
    expect(keys.toSorted()).toEqual([KEY, OTHER_KEY].toSorted());
    expect(inspectAll(list)).not.toMatch(SECRETS);
  }
});

it('reads a plain token, and encrypts it when it is written the next time', async () => {
  await fixture.cache.set(KEY, token);
  const cache = encrypted();
  expect(await cache.get(KEY)).toEqual(token);
  expect(allBytes()).toMatch(SECRETS);
  await cache.set(KEY, token);
  expect(allBytes()).not.toMatch(SECRETS);
  expect(await cache.get(KEY)).toEqual(token);
});

it('is a newer file for the first version of this package', async () => {
  await fixture.cache.set(OTHER_KEY, token);
  await encrypted().set(KEY, token);
  expect(errorThrownBy(() => readAsFirstVersion(readFileSync(fixture.file, 'utf8'), fixture.file))).toMatchObject({
    code: 'newer_file_format',
  });
  // What is written without encryption has the format of that version.
  const file = cacheFile(OTHER_IDENTITY, { directory: fixture.directory });
  expect(readAsFirstVersion(readFileSync(file, 'utf8'), file)).toEqual(token);
});

it('is neither used nor overwritten without the option, and the error says so', async () => {
  await encrypted().set(KEY, token);
  const before = readFileSync(fixture.file);
  const error = await rejectionOf(readElsewhere(fixture));
  expect(error.code).toBe('decryption_failed');
  expect(error.message).toBe(
    `${fixture.file} was encrypted with the key "kms/1", and this program has no key, so it is neither used nor overwritten. ` +
      'Pass the key in the option encryption of the token cache. If it is lost, log out, which deletes the token, and log in again.',
  );
  const { cache } = fixture;
  expect(await rejectionOf(cache.set(KEY, TOKEN))).toMatchObject({ code: 'decryption_failed' });
  const reserved = cache.lock(KEY, () => cache.reserve(KEY));
  expect(await rejectionOf(reserved)).toMatchObject({ code: 'decryption_failed' });
  expect(await rejectionOf(cache.lock(KEY, () => cache.set(KEY, TOKEN)))).toMatchObject({ code: 'decryption_failed' });
  expect(readFileSync(fixture.file)).toEqual(before);
  await cache.delete(KEY);
  expect(existsSync(fixture.file)).toBe(false);
  await cache.set(KEY, TOKEN);
  expect(await readElsewhere(fixture)).toEqual(TOKEN);
});

it.for<[string, KeySource, RegExp]>([
  ['lost', testKey('kms/2', 2), /encrypted with the key "kms\/1", and this program has the key "kms\/2"/],
  ['wrong', testKey('kms/1', 2), /can't be decrypted with the key "kms\/1"/],
])('keeps a token whose key is %s, until a new one replaces it', async ([, other, message]) => {
  await encrypted().set(KEY, token);
  const before = readFileSync(fixture.file);
  const events: OAuthEvent[] = [];
  const cache = fileTokenCache({ directory: fixture.directory, encryption: other, onEvent: (one) => events.push(one) });
  const error = await rejectionOf(Promise.resolve(cache.get(KEY)));
  expect(error).toMatchObject({ code: 'decryption_failed', retryable: false });
  expect(error.message).toMatch(message);
  expect(error.message).toContain('The value is kept as it is.');
  expect(error.message).toContain('log in again');
  expect(error.message.startsWith(fixture.file)).toBe(true);
  expect(inspectAll(error)).not.toMatch(SECRETS);
  await cache.lock(KEY, async () => {
    const { release } = await cache.reserve(KEY);
    await release();
  });
  expect(readFileSync(fixture.file)).toEqual(before);
  expect(events).toEqual([]);
  await cache.set(KEY, { ...token, access_token: 'new' });
  expect(await encrypted(other).get(KEY)).toMatchObject({ access_token: 'new' });
  expect(fileNames(fixture).filter((name) => name.includes('corrupt'))).toEqual([]);
});

it('reads the tokens of a former key with rotate, and writes with the new one', async () => {
  await encrypted(testKey('kms/1', 1)).set(KEY, token);
  const rotated = encrypted(rotate(testKey('kms/1', 1), testKey('kms/2', 2)));
  expect(await rotated.get(KEY)).toEqual(token);
  await rotated.set(KEY, token);
  expect((await rotated.list())[0]?.encryption_key).toBe('kms/2');
  expect(await encrypted(testKey('kms/2', 2)).get(KEY)).toEqual(token);
});

it('never returns the token of a file that was copied over another one', async () => {
  const cache = encrypted();
  await cache.set(OTHER_KEY, { ...token, access_token: 'of another client' });
  await cache.set(KEY, token);
  copyFileSync(cacheFile(OTHER_IDENTITY, { directory: fixture.directory }), fixture.file);
  expect(await encrypted().get(KEY)).toBeUndefined();
  // An attacker can make the identity and the checksum right.
  forge((text) => text.replace(JSON.stringify(OTHER_IDENTITY), JSON.stringify(IDENTITY)));
  expect(await rejectionOf(Promise.resolve(encrypted().get(KEY)))).toMatchObject({ code: 'decryption_failed' });
});

it.for<[string, (text: string) => string]>([
  ['the vector', (text) => text.replace(/"iv":"./, (found) => `"iv":"${found.endsWith('A') ? 'B' : 'A'}`)],
  [
    'the ciphertext',
    (text) => text.replace(/"ciphertext":"./, (found) => `"ciphertext":"${found.endsWith('A') ? 'B' : 'A'}`),
  ],
  ['the end of the ciphertext', (text) => text.replace(/.{4}("\},"checksum")/, '$1')],
  ['the id of the key', (text) => text.replace('"key":"kms/1"', '"key":"kms/2"')],
  ['the expiry', (text) => text.replace(`"expires_at":${TOKEN.expires_at}`, '"expires_at":9999999999')],
  ['the scope', (text) => text.replace('"scope":"read write"', '"scope":"read admin"')],
  ['the sign of a refresh token', (text) => text.replace('"has_refresh_token":true', '"has_refresh_token":false')],
])('does not decrypt after a change of %s that has a right checksum, and keeps the file', async ([, change]) => {
  await encrypted().set(KEY, token);
  forge(change);
  const before = readFileSync(fixture.file);
  expect(await rejectionOf(Promise.resolve(encrypted().get(KEY)))).toMatchObject({ code: 'decryption_failed' });
  expect(readFileSync(fixture.file)).toEqual(before);
});

it('is damaged, and no wrong key, after any flipped bit or cut', async () => {
  await encrypted().set(KEY, token);
  const intact = readFileSync(fixture.file);
  for (let at = 0; at < intact.length - 1; at += 1) {
    const flipped = Buffer.from(intact);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
    for (const bytes of [flipped, intact.subarray(0, at)]) {
      writeFileSync(fixture.file, bytes);
      const result = await attempt((async () => encrypted().get(KEY))());
      // The bit may be one of the number of the format.
      expect([undefined, 'newer_file_format']).toContain(result.ok ? result.value : result.error.code);
    }
  }
});

it('is damaged without its checksum, or with other types', async () => {
  await encrypted().set(KEY, token);
  const intact = readFileSync(fixture.file, 'utf8');
  writeFileSync(fixture.file, intact.replace(/,"checksum":"[\da-f]{64}"/, ''));
  expect(await encrypted().get(KEY)).toBeUndefined();
  for (const change of [
    (text: string) => text.replace('"has_refresh_token":true', '"has_refresh_token":1'),
    (text: string) => text.replace(/"expires_at":\d+/, '"expires_at":"soon"'),
    (text: string) => text.replace('"scope":"read write"', '"scope":5'),
    (text: string) => text.replace(/"shown":\{[^}]*\}/, '"shown":5'),
    (text: string) => text.replace(/"encrypted":\{[^}]*\}/, '"encrypted":null'),
    (text: string) => text.replace('"key":"kms/1"', '"key":1'),
  ]) {
    writeFileSync(fixture.file, intact);
    forge(change);
    expect(await encrypted().get(KEY)).toBeUndefined();
  }
  const events: OAuthEvent[] = [];
  const cache = fileTokenCache({
    directory: fixture.directory,
    encryption: testKey(),
    onEvent: (one) => events.push(one),
  });
  await cache.get(KEY);
  expect(events.map(({ type }) => type)).toEqual(['file_damaged']);
  await cache.set(KEY, token);
  expect(fileNames(fixture).some((name) => name.includes('.corrupt-'))).toBe(true);
});

it('writes a pending file without any secret, and puts it in its place', async () => {
  const cache = encrypted();
  await cache.set(KEY, TOKEN);
  // The rename is refused for a moment: a directory is there.
  await cache.set(OTHER_KEY, token);
  const other = cacheFile(OTHER_IDENTITY, { directory: fixture.directory });
  renameSync(other, `${other}.pending`);
  expect(allBytes()).not.toMatch(SECRETS);
  expect((await encrypted(testKey('lost', 9)).list()).map(({ encryption_key }) => encryption_key)).toEqual([
    'kms/1',
    'kms/1',
  ]);
  expect(await encrypted().get(OTHER_KEY)).toEqual(token);
  expect(existsSync(other)).toBe(true);
});

it('does not put a plain pending token in the place of an encrypted one', async () => {
  await fixture.cache.set(KEY, TOKEN);
  const plain = readFileSync(fixture.file);
  await encrypted().set(KEY, token);
  writeFileSync(`${fixture.file}.pending`, plain, { mode: 0o600 });
  const cache = encrypted();
  expect(await cache.lock(KEY, async () => cache.get(KEY))).toEqual(token);
});

it('has nothing of a token in the files of a request, while it is sent and after it has failed', async () => {
  const cache = encrypted();
  await cache.set(KEY, token);
  const failure = new OAuthError('network_error', 'The server is down.', { retryable: true });
  const work = cache.lock(KEY, async () => {
    await cache.reserve(KEY);
    expect(fileNames(fixture)).toContain(`${basename(fixture.file)}.pending`);
    expect(allBytes()).not.toMatch(SECRETS);
    throw failure;
  });
  expect(await rejectionOf(work)).toBe(failure);
  expect(fileNames(fixture).some((name) => name.endsWith('.failure'))).toBe(true);
  expect(allBytes()).not.toMatch(SECRETS);
  await cache.clear();
  expect(fileNames(fixture).filter((name) => !name.endsWith('.lock'))).toEqual([]);
});

it('asks for the key before a request whose answer must be stored', async () => {
  const locked = new OAuthError('storage_unavailable', 'The keychain is locked.', { retryable: true });
  let isLocked = true;
  const cache = encrypted({
    id: 'keychain',
    key: async () => {
      if (isLocked) throw locked;
      return new Uint8Array(32);
    },
  });
  expect(await rejectionOf(cache.lock(KEY, () => cache.reserve(KEY)))).toBe(locked);
  expect(await rejectionOf(cache.set(KEY, token))).toBe(locked);
  expect(existsSync(fixture.file)).toBe(false);
  isLocked = false;
  await cache.set(KEY, token);
  isLocked = true;
  expect(await cache.get(KEY)).toEqual(token);
});

it('hands a decrypted token out of memory', async () => {
  const cache = encrypted();
  await cache.set(KEY, token);
  const first = await cache.get(KEY);
  expect(cache.peek(KEY)).toBe(first);
  expect(Object.isFrozen(first)).toBe(true);
});

it('has a codec that writes the same text', async () => {
  const codec = createTokenCodec({ place: 'The row of the table tokens', encryption: testKey() });
  const text = await codec.encode(KEY, token);
  expect(text).not.toMatch(SECRETS);
  expect(await codec.decode(KEY, text)).toEqual(token);
  expect(await codec.decode(OTHER_KEY, text)).toBeUndefined();
  const plain = createTokenCodec({ place: 'The row of the table tokens' });
  expect(plain.keyOf(text)).toBe(KEY);
  expect((await rejectionOf(plain.decode(KEY, text))).message).toMatch(
    /^The row of the table tokens was encrypted with the key/,
  );
  expect(await codec.decode(KEY, await plain.encode(KEY, token))).toEqual(token);
  const error = await rejectionOf(
    createTokenCodec({ place: 'The row of the table tokens', encryption: testKey('kms/2') }).decode(KEY, text),
  );
  expect(error.message).toMatch(
    /^The row of the table tokens was encrypted with the key "kms\/1", and this program has/,
  );
  await fixture.cache.set(KEY, TOKEN);
  writeFileSync(fixture.file, text);
  expect(await encrypted().get(KEY)).toEqual(token);
});

it('binds a token to the format, its key and what is shown, and takes nothing but a token', async () => {
  const shown = { has_refresh_token: false };
  const about = JSON.stringify([2, IDENTITY, shown]);
  const codec = createTokenCodec({ place: 'A row', encryption: testKey() });
  const textOf = async (content: string): Promise<string> => {
    const record = { format: 2, identity: IDENTITY, shown, encrypted: await encryptText(content, about, testKey()) };
    const text = JSON.stringify(record).slice(0, -1);
    return `${text},"checksum":"${sha256Hex(text)}"}\n`;
  };
  expect(await codec.decode(KEY, await textOf(JSON.stringify(TOKEN)))).toEqual(TOKEN);
  for (const content of ['{}', 'null', '', '{"access_token":"","token_type":"Bearer"}'])
    expect(await codec.decode(KEY, await textOf(content))).toBeUndefined();
});

it('refuses an option that is no key source, at once', () => {
  for (const encryption of ['key', { id: 'a' }] as never[]) {
    expect(() => fileTokenCache({ directory: fixture.directory, encryption })).toThrow(/^options\.encryption must/);
    expect(() => createTokenCodec({ place: 'A row', encryption })).toThrow(/^options\.encryption must/);
  }
});
