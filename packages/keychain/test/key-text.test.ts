import { assert, property, uint8Array } from 'fast-check';
import { expect, it } from 'vitest';
import { parseKeyText, toKeyText } from '../src/key-text.ts';

it('reads each key in hexadecimal, base64 and base64url, with white space around it', () => {
  assert(
    property(uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
      const bytes = Buffer.from(key);
      const texts = [toKeyText(key), ...(['hex', 'base64', 'base64url'] as const).map((name) => bytes.toString(name))];
      for (const text of [...texts, bytes.toString('hex').toUpperCase()])
        expect(parseKeyText(` ${text}\r\n`)).toEqual(key);
    }),
  );
});

it.each([
  '',
  'ab'.repeat(31),
  'ab'.repeat(33),
  'A'.repeat(42),
  'A'.repeat(45),
  `${'A'.repeat(42)}!`,
  `${'a'.repeat(63)}g`,
  `${'A'.repeat(21)} ${'A'.repeat(21)}`,
])('does not read %o', (text) => {
  expect(parseKeyText(text)).toBeUndefined();
});
