import { expect, test } from 'vitest';
import { isExpired } from '@oa/types';

const token = (left: number, lifetime?: number): Parameters<typeof isExpired>[0] => ({
  access_token: 'a',
  token_type: 'Bearer',
  expires_at: 1_000_000 + left,
  ...(lifetime === undefined ? {} : { expires_in: lifetime }),
});
const now = (): number => 1_000_000_000;

test('a token is expired when less than 60 s remain', () => {
  expect(isExpired(token(61, 3600), { now })).toBe(false);
  expect(isExpired(token(60, 3600), { now })).toBe(true);
  expect(isExpired(token(-1, 3600), { now })).toBe(true);
});

test('the leeway is in milliseconds and at most half the lifetime', () => {
  expect(isExpired(token(119, 3600), { now, leeway: 120_000 })).toBe(true);
  expect(isExpired(token(121, 3600), { now, leeway: 120_000 })).toBe(false);
  expect(isExpired(token(21, 40), { now })).toBe(false);
  expect(isExpired(token(20, 40), { now })).toBe(true);
  expect(isExpired(token(61), { now })).toBe(false);
  expect(isExpired(token(59), { now })).toBe(true);
});

test('a lifetime of 0 is expired at once', () => {
  expect(isExpired(token(0, 0), { now })).toBe(true);
});

test('a token without an expiry is never expired', () => {
  expect(isExpired({ access_token: 'a', token_type: 'Bearer' })).toBe(false);
});

test('a token stamped by a clock that was set back since counts as expired', () => {
  expect(isExpired(token(3600, 3600), { now })).toBe(false);
  expect(isExpired(token(3611, 3600), { now })).toBe(true);
  expect(isExpired(token(7200, 3600), { now })).toBe(true);
});

test('the clock is the real one unless another is given', () => {
  expect(
    isExpired({ access_token: 'a', token_type: 'Bearer', expires_in: 100, expires_at: Date.now() / 1000 + 99 }),
  ).toBe(false);
});

test('C8: a token whose lifetime is less than none has expired when it arrives', () => {
  const now = (): number => 1_000_000;
  for (const expires_in of [0, -1, -5, -3600, -1e300])
    expect(isExpired({ access_token: 'a', token_type: 'Bearer', expires_in, expires_at: 1000 }, { now })).toBe(true);
});
