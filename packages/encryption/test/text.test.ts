import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { decryptText, encryptText, rotate, type EncryptedText } from '@oa/encryption';
import { assert, asyncProperty, constantFrom, nat, string } from 'fast-check';
import { expect, it } from 'vitest';
import { testKey } from './setup.ts';

const source = testKey('kms/1');
const text = string({ unit: 'binary', maxLength: 500 });

it('decrypts every text that was encrypted, for what it belongs to and for nothing else', async () => {
  await assert(
    asyncProperty(text, text, text, async (secret, about, other) => {
      const encrypted = await encryptText(secret, about, source);
      const stored = JSON.parse(JSON.stringify(encrypted)) as EncryptedText;
      expect(await decryptText(stored, about, source)).toBe(secret);
      expect(await rejectionOf(decryptText(stored, `${about}${other}!`, source))).toMatchObject({
        code: 'decryption_failed',
      });
    }),
  );
});

it('keeps a byte order mark, and any text of 1 MiB', async () => {
  for (const secret of ['\uFEFFa', 'ä'.repeat(512 * 1024), ''])
    expect((await decryptText(await encryptText(secret, 'x', source), 'x', source)) === secret).toBe(true);
});

it('decrypts nothing after any change of a bit of the vector or the ciphertext, or a cut', async () => {
  const encrypted = await encryptText('secret', 'x', source);
  await assert(
    asyncProperty(constantFrom('iv', 'ciphertext'), nat(), nat(7), async (member, place, bit) => {
      const bytes = Buffer.from(encrypted[member], 'base64url');
      const at = place % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      for (const changed of [bytes, bytes.subarray(0, at)]) {
        const stored = { ...encrypted, [member]: changed.toString('base64url') };
        expect(await rejectionOf(decryptText(stored, 'x', source))).toMatchObject({ code: 'decryption_failed' });
      }
    }),
  );
});

it.for<[string, object]>([
  ['no vector', { iv: undefined }],
  ['a number as ciphertext', { ciphertext: 5 }],
  ['a ciphertext that is no base64url', { ciphertext: '$$$' }],
  ['no ciphertext', { ciphertext: '' }],
])('decrypts nothing of %s', async ([, change]) => {
  const stored = { ...(await encryptText('secret', 'x', source)), ...change };
  expect(await rejectionOf(decryptText(stored, 'x', source))).toMatchObject({ code: 'decryption_failed' });
});

it('never uses a vector twice', async () => {
  const encrypted = await Promise.all(Array.from({ length: 200 }, () => encryptText('same', 'x', source)));
  expect(new Set(encrypted.map(({ iv }) => iv)).size).toBe(200);
  expect(new Set(encrypted.map(({ ciphertext }) => ciphertext)).size).toBe(200);
  expect(Buffer.from(encrypted[0]?.iv ?? '', 'base64url')).toHaveLength(12);
});

it('tells a value of another key from one that does not decrypt', async () => {
  const encrypted = await encryptText('secret', 'x', source);
  expect((await rejectionOf(decryptText(encrypted, 'x', testKey('kms/2')))).message).toBe(
    'An encrypted value was encrypted with the key "kms/1", and this program has the key "kms/2". The value is kept as it is. ' +
      'Pass that key too, with rotate of @oa/encryption. If it is lost, log in again: the new token replaces the value.',
  );
  const several = rotate(testKey('kms/2'), testKey('kms/3'));
  expect((await rejectionOf(decryptText(encrypted, 'x', several))).message).toContain(
    'this program has the keys "kms/3" and "kms/2"',
  );
  const options = { place: 'The row of the table t', remedy: 'register again' };
  expect((await rejectionOf(decryptText(encrypted, 'x', testKey('kms/1', 9), options))).message).toBe(
    'The row of the table t can\'t be decrypted with the key "kms/1": it is damaged, it was copied from another place, or the key has changed ' +
      'and kept its id. The value is kept as it is. Pass the right key. If it is lost, register again.',
  );
});

it('does not take a value for one of another key after its id was changed', async () => {
  const renamed = { ...(await encryptText('secret', 'x', source)), key: 'kms/2' };
  expect(await rejectionOf(decryptText(renamed, 'x', testKey('kms/2', 1)))).toMatchObject({
    code: 'decryption_failed',
  });
});

it('shows no secret in a value or an error', async () => {
  const encrypted = await encryptText('the secret', 'x', source);
  const error = await rejectionOf(decryptText(encrypted, 'y', source));
  expect(inspectAll(encrypted) + inspectAll(error)).not.toMatch(/the secret|dGhlIHNlY3JldA/);
  expect(inspectAll(error)).not.toContain(encrypted.ciphertext);
});

it('refuses what is no key source', async () => {
  await expect(encryptText('t', 'x', {} as never)).rejects.toThrow(/^The key source must be a key source/);
  await expect(decryptText({ key: 'a', iv: '', ciphertext: '' }, 'x', {} as never)).rejects.toThrow(TypeError);
});
