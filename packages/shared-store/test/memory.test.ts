import { expect, it } from 'vitest';
import { createSharedMemory } from '../src/memory.ts';

it('forgets the oldest tokens where they take more than 64 MiB', () => {
  const memory = createSharedMemory();
  const access_token = 'x'.repeat(9 * 1024 * 1024);
  const keys = ['1', '2', '3', '4', '5', '6', '7', '8'];
  for (const key of keys) memory.set(key, { access_token, token_type: 'Bearer' });
  expect(keys.map((key) => memory.last(key) !== undefined)).toEqual([false, ...Array(7).fill(true)]);
});

it('counts a token once that is read again, and not one that is deleted', () => {
  const memory = createSharedMemory();
  const access_token = 'x'.repeat(9 * 1024 * 1024);
  for (let round = 0; round < 20; round += 1) memory.set('read again', { access_token, token_type: 'Bearer' });
  memory.set('other', { access_token, token_type: 'Bearer' });
  memory.delete('other');
  for (const key of ['1', '2', '3', '4', '5', '6']) memory.set(key, { access_token, token_type: 'Bearer' });
  expect(memory.last('read again')).toBeDefined();
});

it('keeps at most 100,000 tokens', () => {
  const memory = createSharedMemory();
  for (let each = 0; each < 100_001; each += 1) memory.set(`${each}`, { access_token: 'a', token_type: 'Bearer' });
  expect(memory.last('0')).toBeUndefined();
  expect(memory.last('1')).toBeDefined();
});
