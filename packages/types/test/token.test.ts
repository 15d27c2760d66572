import { describe, expect, it } from 'vitest';
import { DEFAULT_LEEWAY_MS, isExpired, type Token } from '@oa/types';

const now = (): number => 1_000_000_000;

/** A token with `left` seconds until its expiry. */
function tokenWith(left: number, lifetime?: number): Token {
  const token: Token = { access_token: 'a', token_type: 'Bearer', expires_at: now() / 1000 + left };
  if (lifetime !== undefined) token.expires_in = lifetime;
  return token;
}

describe('isExpired', () => {
  it('is true when 60 seconds or less are left', () => {
    expect(DEFAULT_LEEWAY_MS).toBe(60_000);
    expect(isExpired(tokenWith(61, 3600), { now })).toBe(false);
    expect(isExpired(tokenWith(60, 3600), { now })).toBe(true);
    expect(isExpired(tokenWith(-1, 3600), { now })).toBe(true);
  });

  it('is true when 60 seconds or less are left of a token without expires_in', () => {
    expect(isExpired(tokenWith(61), { now })).toBe(false);
    expect(isExpired(tokenWith(60), { now })).toBe(true);
    expect(isExpired(tokenWith(59), { now })).toBe(true);
  });

  it('counts the leeway in milliseconds', () => {
    expect(isExpired(tokenWith(121, 3600), { now, leeway: 120_000 })).toBe(false);
    expect(isExpired(tokenWith(119, 3600), { now, leeway: 120_000 })).toBe(true);
  });

  it('limits the leeway to half of the lifetime', () => {
    expect(isExpired(tokenWith(21, 40), { now })).toBe(false);
    expect(isExpired(tokenWith(20, 40), { now })).toBe(true);
  });

  it('is true at once for a lifetime of 0', () => {
    expect(isExpired(tokenWith(0, 0), { now })).toBe(true);
  });

  it.each([0, -1, -5, -3600, -1e300])('is true at once for an expires_in of %d (RFC 6749 section 5.1)', (lifetime) => {
    expect(isExpired(tokenWith(0, lifetime), { now })).toBe(true);
  });

  it('is false for a token without an expiry', () => {
    expect(isExpired({ access_token: 'a', token_type: 'Bearer' })).toBe(false);
  });

  it('is true for a token whose clock was set back after it arrived', () => {
    expect(isExpired(tokenWith(3600, 3600), { now })).toBe(false);
    expect(isExpired(tokenWith(3610, 3600), { now })).toBe(false);
    expect(isExpired(tokenWith(3611, 3600), { now })).toBe(true);
    expect(isExpired(tokenWith(7200, 3600), { now })).toBe(true);
  });

  it('uses the real clock and the default leeway for options that are undefined', () => {
    const token = { access_token: 'a', token_type: 'Bearer', expires_in: 100, expires_at: Date.now() / 1000 + 99 };
    for (const options of [undefined, {}, { leeway: undefined, now: undefined }])
      expect(isExpired(token, options)).toBe(false);
  });
});
