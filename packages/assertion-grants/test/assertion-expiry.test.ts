import * as fc from 'fast-check';
import { decodeJwt, UnsecuredJWT } from 'jose';
import { expect, it } from 'vitest';
import { parseAssertionExpiry } from '../src/assertion-expiry.ts';

it('reads the expiry of a JWT that jose made (RFC 7519 section 4.1.4)', () => {
  const jwt = new UnsecuredJWT({ name: 'ä → ö ÿ', list: ['"}{'] }).setExpirationTime(1_800_000_000).encode();
  expect(parseAssertionExpiry(jwt)).toBe(1_800_000_000);
});

it('property: reads what jose reads, whatever else the JWT has', () => {
  const claims = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue());
  fc.assert(
    fc.property(claims, fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })), (others, exp) => {
      const jwt = new UnsecuredJWT({ ...others, ...(exp !== null && { exp }) }).encode();
      const { exp: expected } = decodeJwt(jwt);
      expect(parseAssertionExpiry(jwt)).toBe(typeof expected === 'number' ? expected : undefined);
    }),
  );
});

it.each([
  ['no JWT', 'opaque'],
  ['an empty text', ''],
  ['two parts', 'a.b'],
  ['five parts, which are encrypted (RFC 7516)', `a.${btoa('{"exp":1}')}.c.d.e`],
  ['claims that are no base64url', 'a.*.c'],
  ['claims that are no JSON', `a.${btoa('{')}.c`],
  ['claims that are no object', `a.${btoa('null')}.c`],
  ['no exp', `a.${btoa('{}')}.c`],
  ['an exp that is a text', `a.${btoa('{"exp":"1"}')}.c`],
  ['an exp that is infinite', `a.${btoa('{"exp":1e999}')}.c`],
])('reads none in %s', (_, text) => {
  expect(parseAssertionExpiry(text)).toBeUndefined();
});
