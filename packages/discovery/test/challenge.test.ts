import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseChallenges, type Challenge } from '@oa/discovery';

const runs = Number(process.env['OA_FUZZ_RUNS'] ?? 300);

/** Parses to plain objects, which can be compared. */
const parsePlain = (header: string | null): unknown => JSON.parse(JSON.stringify(parseChallenges(header)));

const fill = (text: string): string => text.repeat(Math.ceil(1_000_000 / text.length));
const quote = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`;

it.each<[string, string | null, Challenge[]]>([
  ['no header', null, []],
  ['an empty header', ' , ,', []],
  ['a scheme alone', 'Negotiate', [{ scheme: 'negotiate', parameters: {} }]],
  ['a token68', 'Negotiate YIIB/+==', [{ scheme: 'negotiate', token68: 'YIIB/+==', parameters: {} }]],
  [
    'quoted strings with commas, quotes and escapes',
    'Bearer realm="a, \\"b\\" \\\\ c=d", error="invalid_token"',
    [{ scheme: 'bearer', parameters: { realm: 'a, "b" \\ c=d', error: 'invalid_token' } }],
  ],
  [
    'the example of RFC 9110 section 11.6.1',
    'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""',
    [
      { scheme: 'basic', parameters: { realm: 'simple' } },
      { scheme: 'newauth', parameters: { realm: 'apps', type: '1', title: 'Login to "apps"' } },
    ],
  ],
  [
    'any order, any case, spaces around the equals sign',
    'dpop ALGS = "ES256 PS256",bEARER Resource_Metadata="https://api.example/.well-known/x?a=b,c" , scope="a b"',
    [
      { scheme: 'dpop', parameters: { algs: 'ES256 PS256' } },
      { scheme: 'bearer', parameters: { resource_metadata: 'https://api.example/.well-known/x?a=b,c', scope: 'a b' } },
    ],
  ],
  [
    'a token68 between others',
    'Bearer realm="x", Negotiate abc=, DPoP algs=ES256',
    [
      { scheme: 'bearer', parameters: { realm: 'x' } },
      { scheme: 'negotiate', token68: 'abc=', parameters: {} },
      { scheme: 'dpop', parameters: { algs: 'ES256' } },
    ],
  ],
  [
    'parameters without commas and URLs without quotes, which some servers send',
    'Bearer error="invalid_token" resource_metadata=https://api.example/x',
    [{ scheme: 'bearer', parameters: { error: 'invalid_token', resource_metadata: 'https://api.example/x' } }],
  ],
  [
    'the first of two values of a parameter',
    'Bearer scope="a", scope="b"',
    [{ scheme: 'bearer', parameters: { scope: 'a' } }],
  ],
  ['an empty quoted string', 'Bearer realm=""', [{ scheme: 'bearer', parameters: { realm: '' } }]],
  ['a quoted string without an end', 'Bearer a=b, realm="never', [{ scheme: 'bearer', parameters: { a: 'b' } }]],
  ['a parameter without a challenge', 'realm="x", Bearer a=b', [{ scheme: 'bearer', parameters: { a: 'b' } }]],
  ['invalid characters between challenges', '@@@ , Bearer a=b, é="x"', [{ scheme: 'bearer', parameters: { a: 'b' } }]],
])('parses %s (RFC 9110 section 11.6.1)', (_name, header, expected) => {
  expect(parsePlain(header)).toEqual(expected);
});

it('ends for what is no text, and reads the list of headers that Node.js has', () => {
  const headers: unknown = ['Basic realm="a"', 'Bearer scope="b"'];
  expect(parseChallenges(headers as string).map(({ scheme }) => scheme)).toEqual(['basic', 'bearer']);
  for (const value of [5, {}, undefined] as unknown[]) expect(() => parseChallenges(value as string)).not.toThrow();
});

it('keeps a parameter whose name is a member of every object', () => {
  const [challenge] = parseChallenges('Bearer __proto__="x", constructor=y');
  expect(Object.entries(challenge?.parameters ?? {})).toEqual([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
  expect(parseChallenges('Bearer')[0]?.parameters['toString']).toBeUndefined();
});

it('parses a header of a million characters in linear time and with a small stack', () => {
  const units = [
    'a',
    'a ',
    'a=',
    '=',
    ' ',
    ',',
    '"',
    '\\',
    'a="',
    'a="\\",',
    'a="b",',
    'Bearer aa==  ;',
    'a\t\t= ',
    '@',
  ];
  for (const unit of units) {
    expect(() => parseChallenges(fill(unit))).not.toThrow();
    expect(() => parseChallenges(`Bearer a="${fill(unit)}`)).not.toThrow();
    expect(() => parseChallenges(`Bearer ${fill(unit)}`)).not.toThrow();
  }
  expect(parseChallenges(`Bearer a="${fill('\\x')}"`)[0]?.parameters['a']).toHaveLength(500_000);
});

it('property: returns an array for any text, and nothing that is not in the text', () => {
  const pieces = fc.constantFrom(
    'Bearer',
    'DPoP',
    ' ',
    ',',
    '=',
    '"',
    '\\',
    'a',
    '\t',
    'realm="x"',
    'abc==',
    '\n',
    'é',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces).map((all) => all.join('')),
  );
  fc.assert(
    fc.property(text, (header) => {
      const lower = header.toLowerCase();
      for (const { scheme, token68, parameters } of parseChallenges(header)) {
        expect(lower).toContain(scheme);
        expect(header).toContain(token68 ?? '');
        for (const [name, value] of Object.entries(parameters)) {
          expect(lower).toContain(name);
          expect(header.replaceAll('\\', '')).toContain(value.replaceAll('\\', ''));
        }
      }
    }),
    { numRuns: runs },
  );
});

it('property: parses what the grammar of RFC 9110 section 11.6.1 produces', () => {
  const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}$/);
  const parameters = fc.dictionary(
    token.map((name) => name.toLowerCase()),
    fc.string({ maxLength: 20 }),
    { maxKeys: 4 },
  );
  const challenge = fc.record({ scheme: token.map((scheme) => scheme.toLowerCase()), parameters });
  fc.assert(
    fc.property(fc.array(challenge, { maxLength: 4 }), fc.constantFrom(',', ', ', ' ,\t'), (challenges, comma) => {
      const header = challenges
        .map(({ scheme, parameters }) => {
          const written = Object.entries(parameters).map(([name, value]) => `${name}=${quote(value)}`);
          return `${scheme} ${written.join(comma)}`.trimEnd();
        })
        .join(comma);
      expect(parsePlain(header)).toEqual(JSON.parse(JSON.stringify(challenges)));
    }),
    { numRuns: runs },
  );
});
