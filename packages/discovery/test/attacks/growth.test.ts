import { growthOf } from '@oa-internal/testing';
import { parseChallenges } from '@oa/discovery';
import { findPlaceholder } from '@oa/types/rfc';
import { expect, it } from 'vitest';
import { isIssuer, quoteIssuer } from '../../src/issuer.ts';
import { cacheLifetimeSeconds } from '../../src/lifetime.ts';
import { assertResourceMetadata } from '../../src/resource.ts';

/** The exponent of the growth is about 1 for linear work, and 2 for quadratic work. */
const MAX_EXPONENTS = 1.5;

const repeat = (text: string) => (size: number) => text.repeat(Math.ceil(size / text.length));

it.each<[string, (size: number) => string]>([
  ['commas', repeat(', ')],
  ['schemes', repeat('a ')],
  ['schemes with one value', repeat('a b=, ')],
  ['parameters', (size) => `Bearer ${repeat('a=b, ')(size)}`],
  [
    'different parameters',
    (size) => `Bearer ${Array.from({ length: size / 8 }, (_, index) => `p${index}=b`).join(',')}`,
  ],
  ['equals signs', repeat('=')],
  ['names without a value', repeat('a= ')],
  ['quotes that open', repeat('a="')],
  ['quotes that open after a backslash', repeat('\\a="\\"')],
  ['one quote that never closes', (size) => `a="${repeat('\\"')(size)}`],
  ['one quoted text', (size) => `a="${repeat('\\x')(size)}"`],
  ['a scheme with spaces', (size) => `a${repeat(' ')(size)}b${repeat('\t')(size)}`],
  ['a token that does not end a value', (size) => `a ${repeat('x')(size)} y`],
  ['padding that does not end a value', (size) => `a x${repeat('=')(size)} y`],
  ['characters that no name has', repeat('\u00e9"(')],
])('parses a challenge of %s in linear time (RFC 9110 section 11.6.1)', async (_name, createHeader) => {
  const growth = await growthOf(createHeader, (header) => parseChallenges(header));
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});

it.each<[string, (size: number) => string]>([
  ['commas', repeat(',')],
  ['directives', repeat('private, ')],
  ['spaces', (size) => `max-age${repeat(' ')(size)}=1`],
  ['digits', (size) => `max-age=${repeat('9')(size)}`],
  ['ages', repeat('max-age=5, ')],
])('reads a Cache-Control of %s in linear time (RFC 9111 section 5.2)', async (_name, createHeader) => {
  const growth = await growthOf(
    (size) => new Headers({ 'cache-control': createHeader(size), age: repeat('9')(size) }),
    (headers) => cacheLifetimeSeconds(headers),
  );
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});

it.each<[string, (size: number) => string]>([
  ['a long path', (size) => `https://as.example/${repeat('a/')(size)}`],
  ['dots', (size) => `https://as.example/${repeat('../')(size)}`],
  ['a long host', (size) => `https://${repeat('a.')(size)}example`],
  ['escape sequences', (size) => `https://as.example/${repeat('\u001B[31m')(size)}`],
])('checks and quotes an issuer of %s in linear time', async (_name, createIssuer) => {
  const growth = await growthOf(createIssuer, (issuer) => [isIssuer(issuer), quoteIssuer(issuer)]);
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});

it('checks the metadata of a resource with many authorization servers in linear time', async () => {
  const resource = 'https://api.example/';
  const growth = await growthOf(
    (size) => Array.from({ length: size / 64 }, (_, index) => `https://${index}.example/`),
    (authorization_servers) => assertResourceMetadata({ resource, authorization_servers }, new URL(resource)),
  );
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});

it.each(['{', '<', '%7B', '[a', '$(', '%'])(
  'searches an issuer of %s for placeholders in linear time',
  async (part) => {
    const growth = await growthOf(repeat(part), findPlaceholder);
    expect(growth).toBeLessThan(MAX_EXPONENTS);
  },
);
