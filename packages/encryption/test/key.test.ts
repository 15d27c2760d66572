import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { assertKeyAvailable, decryptText, encryptText } from '@oa/encryption';
import { OAuthError, type KeySource } from '@oa/types';
import { expect, it } from 'vitest';
import { testKey } from './setup.ts';

it('asks for a key once, also where many callers need it at the same time', async () => {
  const source = testKey('a');
  const encrypted = await Promise.all(Array.from({ length: 20 }, (_, n) => encryptText(String(n), 'x', source)));
  expect(await Promise.all(encrypted.map((each) => decryptText(each, 'x', source)))).toHaveLength(20);
  expect(source.asked).toBe(1);
});

it('asks for a key before it is needed, and not again when a text is encrypted', async () => {
  let calls = 0;
  const source = { id: 'early', key: async () => ((calls += 1), new Uint8Array(32)) };
  await assertKeyAvailable(source);
  expect(calls).toBe(1);
  await encryptText('text', 'about', source);
  expect(calls).toBe(1);
  await expect(assertKeyAvailable({ id: 'short', key: async () => new Uint8Array(31) })).rejects.toThrow(TypeError);
});

it('does not keep a failure: it passes on what the source rejects with, and asks again', async () => {
  const failures: Error[] = [
    new OAuthError('storage_unavailable', 'The keychain is locked.', { retryable: true }),
    new Error('a bug'),
  ];
  const source: KeySource = {
    id: 'a',
    key: async () => {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      return new Uint8Array(32);
    },
  };
  const [locked, bug] = [...failures];
  await expect(encryptText('t', 'x', source)).rejects.toBe(locked);
  await expect(encryptText('t', 'x', source)).rejects.toBe(bug);
  expect((await encryptText('t', 'x', source)).key).toBe('a');
});

it('passes on what a source throws at once', async () => {
  const failure = new OAuthError('storage_unavailable', 'There is no keychain.');
  const source: KeySource = {
    id: 'a',
    key: () => {
      throw failure;
    },
  };
  await expect(encryptText('t', 'x', source)).rejects.toBe(failure);
});

it.for<[string, unknown]>([
  ['16 bytes', new Uint8Array(16).fill(0xab)],
  ['33 bytes', new Uint8Array(33).fill(0xab)],
  ['string', 'ab'.repeat(32)],
  ['undefined', undefined],
])('refuses a key of %s, and does not show it', async ([expected, key]) => {
  const source = { id: 'kms/1', key: async () => key as never };
  const error = await encryptText('t', 'x', source).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TypeError);
  expect((error as Error).message).toMatch(/^The key source "kms\/1" must return a Uint8Array of 32 bytes, /);
  expect((error as Error).message).toContain(expected);
  expect(inspectAll(error)).not.toMatch(/abab|171/);
});

it('takes the bytes of a Buffer, and of memory that threads share, and leaves them as they are', async () => {
  const buffer = Buffer.alloc(32, 7);
  const shared = new Uint8Array(new SharedArrayBuffer(32)).fill(7);
  const encrypted = await encryptText('t', 'x', { id: 'a', key: async () => buffer });
  expect(await decryptText(encrypted, 'x', { id: 'a', key: async () => shared })).toBe('t');
  expect([buffer[31], shared[31]]).toEqual([7, 7]);
});

it('ends the wait of a caller whose signal aborts, and asks the source to stop when no caller waits', async () => {
  const signals: AbortSignal[] = [];
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const source: KeySource = {
    id: 'a',
    key: async (signal) => {
      if (signal !== undefined) signals.push(signal);
      return promise;
    },
  };
  const first = new AbortController();
  const second = new AbortController();
  const both = [first, second].map(({ signal }) => encryptText('t', 'x', source, { signal }));
  first.abort(new Error('first'));
  await expect(both[0]).rejects.toThrow('first');
  expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  second.abort(new Error('second'));
  await expect(both[1]).rejects.toThrow('second');
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  resolve(new Uint8Array(32));
  expect((await encryptText('t', 'x', source)).key).toBe('a');
  const aborted = AbortSignal.abort(new Error('before'));
  await expect(encryptText('t', 'x', source, { signal: aborted })).rejects.toThrow('before');
});

it('keeps the key where it can not be read out', async () => {
  const source = testKey('a', 0xab);
  const encrypted = await encryptText('t', 'x', source);
  expect(inspectAll(source) + inspectAll(encrypted)).not.toMatch(/abab|171/);
  expect(await rejectionOf(decryptText(encrypted, 'y', source))).toMatchObject({ code: 'decryption_failed' });
});
