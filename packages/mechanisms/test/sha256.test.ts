import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { sha256Hex } from '@oa/mechanisms';

it('is the SHA-256 of node:crypto, for texts of any length', () => {
  const expected = (text: string): string => createHash('sha256').update(text).digest('hex');
  for (let length = 0; length < 300; length += 1)
    expect(sha256Hex('x'.repeat(length))).toBe(expected('x'.repeat(length)));
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => sha256Hex(text) === expected(text)));
  expect(sha256Hex('ab'.repeat(1_000_000))).toBe(expected('ab'.repeat(1_000_000)));
});
