import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { cacheFile, parseTokenKey, tokenKey, type TokenIdentity } from '@oa/token-cache';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';

const word = fc.string({
  minLength: 1,
  maxLength: 6,
  unit: fc.constantFrom('a', 'b', ' ', '|', '/', '"', '\\', 'é', '💾'),
});
const scopeToken = fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom('a', 'b', '|', ':') });
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
const words = fc.uniqueArray(word, { minLength: 1, maxLength: 3 });
const identity = fc.record({
  issuer: word,
  client_id: optional(word),
  grant_type: word,
  scope: optional(fc.uniqueArray(scopeToken, { minLength: 1, maxLength: 3 })),
  resource: optional(words),
  audience: optional(words),
  parameters: optional(
    fc.dictionary(fc.oneof(word, fc.constant('__proto__')), fc.array(word, { minLength: 1, maxLength: 2 }), {
      minKeys: 1,
      maxKeys: 3,
    }),
  ),
  profile: optional(word),
});
type Drawn = typeof identity extends fc.Arbitrary<infer T> ? T : never;

function wire(drawn: Drawn): TokenIdentity {
  return { ...drawn, scope: drawn.scope?.join(' ') };
}

/** What an identity means: lists as sets. */
function meaning(drawn: Drawn): unknown {
  const set = (list: string[] | undefined): string[] | undefined => list?.toSorted();
  const parameters = Object.entries(drawn.parameters ?? {}).map(([name, list]) => [name, set(list)]);
  parameters.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  return {
    ...drawn,
    scope: set(drawn.scope),
    resource: set(drawn.resource),
    audience: set(drawn.audience),
    parameters,
  };
}

it('does not depend on the order of scopes, resources, audiences and parameters, or on repetitions', () => {
  fc.assert(
    fc.property(identity, (drawn) => {
      const turned: TokenIdentity = {
        profile: drawn.profile,
        parameters:
          drawn.parameters &&
          Object.fromEntries(
            Object.entries(drawn.parameters)
              .map(([name, list]) => [name, list.toReversed()])
              .toReversed() as [string, string[]][],
          ),
        audience: drawn.audience?.toReversed(),
        resource: drawn.resource && [...drawn.resource, ...drawn.resource].toReversed(),
        scope: drawn.scope && [...drawn.scope, ...drawn.scope].toReversed().join('  '),
        grant_type: drawn.grant_type,
        client_id: drawn.client_id,
        issuer: drawn.issuer,
      };
      expect(tokenKey(turned)).toBe(tokenKey(wire(drawn)));
    }),
  );
});

it('differs for different identities, and is the same for the same identity', () => {
  fc.assert(
    fc.property(identity, identity, (a, b) => {
      const same = JSON.stringify(meaning(a)) === JSON.stringify(meaning(b));
      expect(tokenKey(wire(a)) === tokenKey(wire(b))).toBe(same);
    }),
    { numRuns: 500 },
  );
});

it('differs for identities that look alike', () => {
  const base = { issuer: 'https://as', grant_type: 'g' };
  const keys = [
    base,
    { ...base, issuer: 'https://as/' },
    { ...base, issuer: 'HTTPS://as' },
    { ...base, client_id: 'a' },
    { ...base, client_id: 'b' },
    { ...base, client_id: '' },
    { ...base, grant_type: 'h' },
    { ...base, scope: 'a b' },
    { ...base, scope: 'ab' },
    { ...base, resource: 'a' },
    { ...base, resource: 'a b' },
    { ...base, resource: ['a', 'b'] },
    { ...base, resource: 'a|b' },
    { ...base, audience: 'a' },
    { ...base, audience: ['a', 'b'] },
    { ...base, profile: 'a' },
    { ...base, profile: '' },
    { ...base, parameters: { a: 'b' } },
    { ...base, parameters: { b: 'a' } },
    { ...base, parameters: { a: ['b', 'b'] } },
    { ...base, parameters: { a: 'b', c: 'd' } },
    { ...base, parameters: { authorization_details: '[{"type":"a"}]' } },
    { ...base, authorization_details: [{ type: 'a' }] },
    { ...base, authorization_details: [{ type: 'b' }] },
    { ...base, authorization_details: [{ type: 'a' }, { type: 'a' }] },
    { ...base, authorization_details: [{ type: 'a', actions: ['read', 'list'] }] },
    { ...base, authorization_details: [{ type: 'a', actions: ['list', 'read'] }] },
    { ...base, authorization_details: [{ type: 'a', amount: '1' }] },
    { ...base, authorization_details: [{ type: 'a', amount: 1 }] },
  ].map((identity) => tokenKey(identity));
  expect(new Set(keys).size).toBe(keys.length);
});

it('is the same for identities that mean the same', () => {
  const base = { issuer: 'https://as', grant_type: 'g' };
  const same: [TokenIdentity, TokenIdentity][] = [
    [base, { ...base, scope: '', resource: [], audience: undefined, parameters: {}, client_id: undefined }],
    [
      { ...base, scope: 'b a b' },
      { ...base, scope: 'a b' },
    ],
    [
      { ...base, resource: 'a' },
      { ...base, resource: ['a'] },
    ],
    [
      { ...base, parameters: { a: 'b', c: undefined } },
      { ...base, parameters: { a: ['b'] } },
    ],
    [base, { ...base, authorization_details: [] }],
    [
      {
        ...base,
        authorization_details: [{ type: 'b' }, { type: 'a', amount: { currency: 'EUR', value: 1 }, note: undefined }],
      },
      { ...base, authorization_details: [{ amount: { value: 1, currency: 'EUR' }, type: 'a' }, { type: 'b' }] },
    ],
  ];
  for (const [a, b] of same) expect(tokenKey(a)).toBe(tokenKey(b));
});

it.each([{}, 'payment', [null], [{}], [{ type: '' }], [['payment']]])(
  'refuses %j as authorization_details',
  (details) => {
    const identity = { issuer: 'https://as', grant_type: 'g', authorization_details: details as never };
    expect(() => tokenKey(identity)).toThrow(
      new TypeError("The authorization_details of a token's identity must be an array of objects with a type."),
    );
  },
);

it('reads authorization_details back from a key (RFC 9396)', () => {
  const authorization_details = [{ actions: ['list'], type: 'files' }];
  const key = tokenKey({ issuer: 'https://as', grant_type: 'g', authorization_details });
  expect(key).toBe(
    '{"issuer":"https://as","grant_type":"g","authorization_details":[{"actions":["list"],"type":"files"}]}',
  );
  expect(parseTokenKey(key)).toMatchObject({ authorization_details });
  expect(parseTokenKey(key.replace(/\[.*\]/, '{}'))).toBeUndefined();
});

it('is readable, and names a file by its SHA-256', () => {
  const key = tokenKey({ issuer: 'https://as', client_id: 'c', grant_type: 'client_credentials', scope: 'b a' });
  expect(key).toBe('{"issuer":"https://as","client_id":"c","grant_type":"client_credentials","scope":["a","b"]}');
  const file = cacheFile(
    { issuer: 'https://as', client_id: 'c', grant_type: 'client_credentials', scope: 'a b' },
    { directory: '/d' },
  );
  expect(file).toBe(`/d/v1.${createHash('sha256').update(key).digest('hex')}.json`);
  expect(basename(file)).toHaveLength(72);
});

it('never contains a secret: such a parameter is a TypeError', () => {
  for (const name of ['client_secret', 'client_assertion', 'password', 'refresh_token', 'code', 'subject_token'])
    expect(() => tokenKey({ issuer: 'i', grant_type: 'g', parameters: { [name]: 's3cret' } })).toThrow(TypeError);
  expect(() => tokenKey({ issuer: 'i', grant_type: 'g', parameters: { password: 's3cret' } })).toThrow(
    /^(?!.*s3cret).*profile/,
  );
});

it.for([
  [{ grant_type: 'g' }, /issuer/],
  [{ issuer: '', grant_type: 'g' }, /issuer/],
  [{ issuer: 'i' }, /grant_type/],
  [{ issuer: 'i', grant_type: 'g', client_id: 5 }, /client_id/],
  [{ issuer: 'i', grant_type: 'g', scope: ['a'] }, /scope/],
  [{ issuer: 'i', grant_type: 'g', resource: [5] }, /resource/],
] as [unknown, RegExp][])('throws a TypeError for the wrong identity %j', ([wrong, message]) => {
  expect(() => tokenKey(wrong as TokenIdentity)).toThrow(TypeError);
  expect(() => tokenKey(wrong as TokenIdentity)).toThrow(message);
});

it('parses what it has created, and no other text', () => {
  const identity = {
    issuer: 'https://as',
    client_id: 'c',
    grant_type: 'authorization_code',
    scope: 'b a',
    resource: 'https://api.example/',
    parameters: { x: 'y' },
    profile: 'work',
  };
  expect(parseTokenKey(tokenKey(identity))).toEqual({
    ...identity,
    scope: ['a', 'b'],
    resource: ['https://api.example/'],
    parameters: [['x', ['y']]],
  });
  for (const other of ['', 'null', '[]', '{}', '{"issuer":"i"}', '{"issuer":"i","grant_type":"g","scope":"a"}', 'key'])
    expect(parseTokenKey(other)).toBeUndefined();
});
