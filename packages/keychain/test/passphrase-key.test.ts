import { scryptSync } from 'node:crypto';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { passphraseKey } from '@oa/keychain';
import { afterEach, expect, it, vi } from 'vitest';

const SALT = 'my-tool alice@example.com';
const COST = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 };

afterEach(() => {
  vi.restoreAllMocks();
});

it('derives the key with scrypt, N = 2^17, r = 8, p = 1 (RFC 7914)', async () => {
  const source = passphraseKey({ passphrase: 'correct horse', salt: SALT });
  expect(source.id).toMatch(/^passphrase:[\da-f]{16}$/);
  const key = await source.key();
  expect(Buffer.from(key)).toEqual(scryptSync('correct horse', SALT, 32, COST));
  expect(inspectAll(source)).not.toContain('correct horse');
});

it('asks for the passphrase when the key is needed first, and once', async () => {
  const asked = vi.fn<() => Promise<string>>(async () => 'correct horse');
  const source = passphraseKey({ passphrase: asked, salt: SALT });
  expect(asked).not.toHaveBeenCalled();
  const [first, second] = await Promise.all([source.key(), source.key()]);
  first?.fill(0);
  expect(await source.key()).toEqual(second);
  expect(asked).toHaveBeenCalledTimes(1);
  expect(Buffer.from(second ?? [])).toEqual(scryptSync('correct horse', SALT, 32, COST));
});

it('asks again after an error, which it passes on', async () => {
  const error = new Error('no terminal');
  const asked = vi.fn<() => Promise<string>>(async () => 'correct horse').mockRejectedValueOnce(error);
  const source = passphraseKey({ passphrase: asked, salt: SALT });
  await expect(source.key()).rejects.toBe(error);
  expect(await source.key()).toHaveLength(32);
});

it('makes another key of another salt, and the same of the same letters in another form', async () => {
  const keyOf = async (passphrase: string, salt: string): Promise<string> =>
    Buffer.from(await passphraseKey({ passphrase, salt }).key()).toString('hex');
  const [first, other, composed, decomposed] = await Promise.all([
    keyOf('correct horse', SALT),
    keyOf('correct horse', 'my-tool bob@example.com'),
    keyOf('caf\u00e9', SALT),
    keyOf('cafe\u0301', SALT),
  ]);
  expect(first).not.toBe(other);
  expect(composed).toBe(decomposed);
});

it('rejects with the reason of the signal, and passes it to the function', async () => {
  const controller = new AbortController();
  const reason = new Error('stop');
  let seen: AbortSignal | undefined;
  const passphrase = (signal?: AbortSignal): Promise<string> => {
    seen = signal;
    return new Promise(() => undefined);
  };
  const result = passphraseKey({ passphrase, salt: SALT }).key(controller.signal);
  controller.abort(reason);
  await expect(result).rejects.toBe(reason);
  expect(seen?.aborted).toBe(true);
});

it('reports that the memory does not suffice', async () => {
  const crypto = process.getBuiltinModule('node:crypto');
  vi.spyOn(crypto, 'scrypt').mockImplementation((...args: unknown[]) => {
    (args.at(-1) as (error: Error) => void)(new Error('planted-secret'));
  });
  const error = await rejectionOf(passphraseKey({ passphrase: 'correct horse', salt: SALT }).key());
  expect(error).toMatchObject({ code: 'storage_unavailable', retryable: true });
  expect(error.message).toMatch(/scrypt needs 128 MiB of memory/);
  expect(inspectAll(error)).not.toContain('planted-secret');
});

it.each([
  [{ salt: SALT }, /^options\.passphrase must be a non-empty string\. Is a variable of the environment not set\?$/],
  [{ passphrase: '', salt: SALT }, /^options\.passphrase must be/],
  [{ passphrase: 'x' }, /^options\.salt must be a string of at least 8 characters, the same at each run/],
  [{ passphrase: 'x', salt: 'short' }, /^options\.salt must be/],
  [{ passphrase: 'x', salt: SALT, N: 2 }, /^passphraseKey has no option N\. Use passphrase, salt\.$/],
])('refuses wrong options at once: %o', (options, message) => {
  expect(() => passphraseKey(options as never)).toThrow(message);
  expect(() => passphraseKey(options as never)).toThrow(TypeError);
});

it('refuses an empty passphrase of the function', async () => {
  await expect(passphraseKey({ passphrase: () => '', salt: SALT }).key()).rejects.toThrow(
    /^The result of options\.passphrase must be a non-empty string/,
  );
});
