import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { beforeEach, expect, it, vi } from 'vitest';

/** A module whose process has made no digest yet. */
let sha256Hex: (text: string) => string;
beforeEach(async () => {
  vi.resetModules();
  ({ sha256Hex } = await import('@oa/mechanisms'));
});

const expected = (text: string): string => createHash('sha256').update(text).digest('hex');

it('is the SHA-256 of node:crypto, for texts of any length', () => {
  for (let length = 0; length < 300; length += 1)
    expect(sha256Hex('x'.repeat(length))).toBe(expected('x'.repeat(length)));
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => sha256Hex(text) === expected(text)));
  expect(sha256Hex('ab'.repeat(1_000_000))).toBe(expected('ab'.repeat(1_000_000)));
});

it('does without node:crypto until there are very many texts, with the same result', () => {
  const load = vi.spyOn(process, 'getBuiltinModule');
  const texts = ['', 'text', 'é€😀', '\ud800 alone', 'x'.repeat(10_000)];
  const results = texts.map((text) => sha256Hex(text));
  for (let count = texts.length; count < 500; count += 1) sha256Hex('x');
  expect(load).not.toHaveBeenCalled();
  expect(texts.map((text) => sha256Hex(text))).toEqual(results);
  expect(load.mock.calls).toEqual(texts.map(() => ['node:crypto']));
  load.mockRestore();
});

it('needs no Node.js', () => {
  vi.stubGlobal('process', undefined);
  const results = Array.from({ length: 501 }, () => sha256Hex('text'));
  vi.unstubAllGlobals();
  expect(new Set(results)).toEqual(new Set([expected('text')]));
});
