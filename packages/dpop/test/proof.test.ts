import { createDpop, createDpopKey } from '@oa/dpop';
import * as reference from 'dpop';
import * as fc from 'fast-check';
import { createHash } from 'node:crypto';
import { decodeJwt, EmbeddedJWK, jwtVerify, type JWTPayload, type ProtectedHeaderParameters } from 'jose';
import { expect, it } from 'vitest';

/** Verifies a proof as a server does (RFC 9449 section 4.3). */
async function verifyProof(proof: string): Promise<{ payload: JWTPayload; header: ProtectedHeaderParameters }> {
  const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, { typ: 'dpop+jwt', algorithms: ['ES256'] });
  return { payload, header: protectedHeader };
}

const url = fc
  .record({
    scheme: fc.constantFrom('https', 'http', 'HTTPS'),
    host: fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.ipV6().map((ip) => `[${ip}]`),
      fc.constant('bücher.example'),
    ),
    port: fc.option(fc.oneof(fc.nat(65_535), fc.constantFrom(80, 443)), { nil: undefined }),
    path: fc.array(
      fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('.', '..', '%7e', '%2F', '\'"`{|}^[]', 'é')),
    ),
    rest: fc.oneof(
      fc.constant(''),
      fc.webQueryParameters().map((text) => `?${text}`),
      fc.webFragments().map((text) => `#${text}`),
    ),
  })
  .map(({ scheme, host, port, path, rest }) => {
    const segments = path.map((each) => each.replace(/[?#]/g, '')).join('/');
    return `${scheme}://${host}${port === undefined ? '' : `:${port}`}/${segments}${rest}`;
  })
  .filter((text) => URL.canParse(text));
const method = fc.oneof(
  fc.constantFrom('GET', 'post', 'PATCH', 'Delete', 'QUERY'),
  fc.stringMatching(/^[A-Z!#$%&'*+.^_`|~-]{1,12}$/),
);

it('makes proofs that jose verifies, for every method and URL, each with another jti', async () => {
  const dpop = await createDpop(await createDpopKey());
  const identifiers = new Set<unknown>();
  let count = 0;
  await fc.assert(
    fc.asyncProperty(method, url, fc.option(fc.string(), { nil: undefined }), async (htm, text, accessToken) => {
      const { payload, header } = await verifyProof(await dpop.proof({ method: htm, url: text, accessToken }));
      expect(Object.keys(header).toSorted()).toEqual(['alg', 'jwk', 'typ']);
      expect(Object.keys(header.jwk ?? {}).toSorted()).toEqual(['crv', 'kty', 'x', 'y']);
      const target = new URL(text);
      target.search = '';
      target.hash = '';
      expect(payload['htu']).toBe(target.href);
      expect(payload['htm']).toBe(new Request('https://as.example', { method: htm }).method);
      const ath = accessToken === undefined ? undefined : createHash('sha256').update(accessToken).digest('base64url');
      expect(payload['ath']).toBe(ath);
      expect(Object.keys(payload).toSorted()).toEqual(
        ['ath', 'htm', 'htu', 'iat', 'jti'].filter((name) => ath ?? name !== 'ath'),
      );
      expect(Math.abs(Date.now() / 1000 - (payload.iat ?? 0))).toBeLessThan(30);
      expect(payload.jti).toMatch(/^[\w-]{43}$/);
      identifiers.add(payload.jti);
      count += 1;
    }),
    { numRuns: Number(process.env['OA_FUZZ_RUNS'] ?? 300) },
  );
  expect(identifiers.size).toBe(count);
});

it('has the members of a proof of the package dpop', async () => {
  const pair = await reference.generateKeyPair('ES256');
  const theirs = await reference.generateProof(pair, 'https://api.example/a', 'GET', 'nonce', 'token');
  const dpop = await createDpop(await createDpopKey());
  const first = await dpop.proof({ method: 'GET', url: 'https://api.example/a?b#c', accessToken: 'token' });
  dpop.learnFrom(first, { headers: new Headers({ 'dpop-nonce': 'nonce' }) });
  const ours = await dpop.proof({ method: 'GET', url: new URL('https://api.example/a?b#c'), accessToken: 'token' });
  const [expected, made] = await Promise.all([verifyProof(theirs), verifyProof(ours)]);
  expect({ ...made.header, jwk: Object.keys(made.header.jwk ?? {}).toSorted() }).toEqual({
    ...expected.header,
    jwk: Object.keys(expected.header.jwk ?? {}).toSorted(),
  });
  const { iat, jti, ...claims } = made.payload;
  expect(expected.payload).toMatchObject(claims);
  expect(Object.keys(made.payload).toSorted()).toEqual(Object.keys(expected.payload).toSorted());
  expect([typeof iat, typeof jti]).toEqual(['number', 'string']);
});

it.each([
  ['https://API.Example:443', 'https://api.example/'],
  ['http://api.example:80/a/./b/../c', 'http://api.example/a/c'],
  ['https://api.example:80/', 'https://api.example:80/'],
  ['https://user:secret@api.example/a', 'https://api.example/a'],
  ['https://[2001:DB8::0:1]:8443/a', 'https://[2001:db8::1]:8443/a'],
  // As it is sent: a server compares it with what it receives.
  ['https://api.example/%7euser/a%2fb', 'https://api.example/%7euser/a%2fb'],
  ['https://api.example//a//', 'https://api.example//a//'],
  ['https://api.example/?a=/b#c', 'https://api.example/'],
])('names %s as %s (RFC 9449 section 4.3)', async (given, htu) => {
  const dpop = await createDpop(await createDpopKey());
  expect(decodeJwt(await dpop.proof({ method: 'GET', url: given }))['htu']).toBe(htu);
});

it.each([
  ['post', 'POST'],
  ['Get', 'GET'],
  ['patch', 'patch'],
])('names the method %s as %s, as fetch sends it', async (method, htm) => {
  const dpop = await createDpop(await createDpopKey());
  expect(decodeJwt(await dpop.proof({ method, url: 'https://api.example/' }))['htm']).toBe(htm);
});

it('refuses a URL that is not http, and a proof of others', async () => {
  const dpop = await createDpop(await createDpopKey());
  for (const wrong of ['/relative', 'data:,a', 'ws://api.example/'])
    await expect(dpop.proof({ method: 'GET', url: wrong })).rejects.toThrow(TypeError);
  for (const wrong of ['', 'a.b.c', 'a.bc!.c', 'a.abcde.c', `a.${btoa('[]')}.c`, undefined])
    expect(() => dpop.learnFrom(wrong as string, { headers: new Headers() })).toThrow(
      new TypeError('The proof must be one that dpop.proof() returned.'),
    );
});
