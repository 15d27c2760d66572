import { decryptText, encryptText, rotate } from '@oa/encryption';
import { expect, it } from 'vitest';
import { testKey } from './setup.ts';

it('reads the values of the former and of the new key, and writes with the new one', async () => {
  const [from, to] = [testKey('2025', 1), testKey('2026', 2)];
  const before = await encryptText('old', 'x', from);
  const both = rotate(from, to);
  expect(both.id).toBe('2026');
  const after = await encryptText('new', 'x', both);
  expect(after.key).toBe('2026');
  expect(await decryptText(before, 'x', both)).toBe('old');
  expect(await decryptText(after, 'x', both)).toBe('new');
  expect(await decryptText(after, 'x', to)).toBe('new');
});

it('asks for a former key only when a value of it is read', async () => {
  const [from, to] = [testKey('2025', 1), testKey('2026', 2)];
  const both = rotate(from, to);
  await decryptText(await encryptText('new', 'x', both), 'x', both);
  expect([from.asked, to.asked]).toEqual([0, 1]);
});

it('nests, on either side', async () => {
  const [first, second, third, fourth] = [testKey('1', 1), testKey('2', 2), testKey('3', 3), testKey('4', 4)];
  const values = await Promise.all([first, second, third, fourth].map((key) => encryptText(key.id, 'x', key)));
  for (const nested of [
    rotate(rotate(rotate(first, second), third), fourth),
    rotate(first, rotate(second, rotate(third, fourth))),
  ]) {
    expect(nested.id).toBe('4');
    for (const value of values) expect(await decryptText(value, 'x', nested)).toBe(value.key);
  }
});

it('refuses two keys with one id, and what is no key source', () => {
  const [from, to] = [testKey('a', 1), testKey('b', 2)];
  expect(() => rotate(from, testKey('a', 2))).toThrow(TypeError);
  expect(() => rotate(rotate(from, to), testKey('a', 3))).toThrow(/Two keys have the id "a"/);
  expect(() => rotate(undefined as never, to)).toThrow(/The first parameter of rotate must be a key source/);
  expect(() => rotate(from, {} as never)).toThrow(/The second parameter of rotate must be a key source/);
});
