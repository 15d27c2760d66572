import { tokenKey } from '@oa/token-cache';
import { expect, it } from 'vitest';

/** An empty object inside of as many others. */
function toNested(levels: number, wrap: (inner: unknown) => object): object {
  let nested: object = {};
  for (let level = 1; level < levels; level += 1) nested = wrap(nested);
  return nested;
}

it.each([
  ['3,000 objects deep', toNested(3000, (inner) => ({ inner }))],
  ['3,000 lists deep', toNested(3000, (inner) => [inner])],
  ['101 levels deep', toNested(99, (inner) => ({ inner }))],
])('refuses authorization_details that are %s', (_name, amount) => {
  const identity = { issuer: 'https://as', grant_type: 'g', authorization_details: [{ type: 'a', amount }] };
  expect(() => tokenKey(identity)).toThrow(
    new TypeError("The authorization_details of a token's identity must have at most 100 levels of objects and lists."),
  );
});

it('accepts authorization_details with 100 levels, and one object many times', () => {
  const inner = toNested(97, (each) => ({ each }));
  const authorization_details = [{ type: 'a', first: [inner], second: [inner] }];
  expect(tokenKey({ issuer: 'https://as', grant_type: 'g', authorization_details })).toContain('"second"');
});

it('refuses authorization_details that contain themselves', () => {
  const detail: Record<string, unknown> & { type: string } = { type: 'a' };
  detail['self'] = detail;
  const identity = { issuer: 'https://as', grant_type: 'g', authorization_details: [detail] };
  expect(() => tokenKey(identity)).toThrow(/at most 100 levels/);
});
