import { parseJwtClaims } from '@oa/mechanisms';
import { expect, it } from 'vitest';

const toPart = (text: string): string => Buffer.from(text).toString('base64url');

it('parses the claims of a JWT as UTF-8, whatever its signature', () => {
  expect(parseJwtClaims(`e30.${toPart('{"sub":"ä 💾","exp":1}')}.`)).toEqual({ sub: 'ä 💾', exp: 1 });
});

it.each(['', 'a', 'a.e30', `a.${toPart('[1]')}.c`, `a.${toPart('{')}.c`, 'a.%%%.c', 'a.e30.c.d', 'a.e30.c.d.e'])(
  'finds no claims in %j',
  (text) => expect(parseJwtClaims(text)).toBeUndefined(),
);
