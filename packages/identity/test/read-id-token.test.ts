import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { readIdToken, type IdTokenClaims, type ReadIdTokenOptions } from '@oa/identity';
import { attempt, type Token } from '@oa/types';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  ACCESS_TOKEN,
  claimsOf,
  CLIENT_ID,
  createProviderKey,
  NONCE,
  tokenOf,
  tokenWithParts,
  type ProviderKey,
} from './provider.ts';

const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
const NOW_SECONDS = 1_800_000_000;

let key: ProviderKey;
beforeAll(async () => {
  key = await createProviderKey('ES256');
});

const atFixedTime = { iat: NOW_SECONDS - 10, exp: NOW_SECONDS + 300 };

/** Reads an ID token at a fixed time, whose claims differ from those of a good one. */
async function readWith(
  changes: Record<string, unknown>,
  options: Partial<ReadIdTokenOptions> = {},
): Promise<IdTokenClaims> {
  const token = await tokenOf(key, claimsOf(server.issuer, { ...atFixedTime, ...changes }));
  return readIdToken(token, { server, client_id: CLIENT_ID, now: () => NOW_SECONDS * 1000, ...options });
}

/** `accepted`, or the code of the error. */
async function outcomeOf(reading: Promise<unknown>): Promise<string> {
  const result = await attempt(reading);
  return result.ok ? 'accepted' : result.error.code;
}

const withIdToken = (id_token: unknown): Token => ({ access_token: ACCESS_TOKEN, token_type: 'Bearer', id_token });

it('returns every claim, and sends no request for the claims', async () => {
  const offline = (): never => {
    throw new Error('A request was sent.');
  };
  const changes = { email: 'ada@example.org', groups: ['a', 'b'], name: 'Ada Lovelace ☃' };
  expect(await readWith(changes, { nonce: NONCE, fetch: offline })).toEqual(
    claimsOf(server.issuer, { ...atFixedTime, ...changes }),
  );
});

it.each([
  ['exp 60 seconds ago', { exp: NOW_SECONDS - 60 }, 'invalid_id_token'],
  ['exp 59 seconds ago', { exp: NOW_SECONDS - 59 }, 'accepted'],
  ['iat in 60 seconds', { iat: NOW_SECONDS + 60 }, 'accepted'],
  ['iat in 61 seconds', { iat: NOW_SECONDS + 61 }, 'invalid_id_token'],
  ['nbf in 61 seconds', { nbf: NOW_SECONDS + 61 }, 'invalid_id_token'],
  ['auth_time in 61 seconds', { auth_time: NOW_SECONDS + 61 }, 'invalid_id_token'],
  ['a fraction of a second', { iat: NOW_SECONDS - 0.5 }, 'accepted'],
])('lets clocks differ by 60 seconds: %s', async (_name, changes, outcome) => {
  expect(await outcomeOf(readWith(changes))).toBe(outcome);
});

it.each([{ exp: 1 }, { iat: NOW_SECONDS + 3600 }])('shows the clock of the machine for %j', async (changes) => {
  expect((await rejectionOf(readWith(changes))).message).toContain('it shows 2027-01-15T08:00:00.000Z');
});

it('refuses every ID token with a clock that shows no number', async () => {
  const error = await rejectionOf(readWith({}, { now: () => Number.NaN }));
  expect(error).toMatchObject({ code: 'invalid_id_token', message: expect.stringContaining('it shows no date') });
});

it.each(['exp', 'iat', 'nbf', 'auth_time'])('refuses %s that is not a number', async (name) => {
  for (const value of ['1800000000', null, true, [NOW_SECONDS], {}]) {
    const token = tokenWithParts({ alg: 'ES256' }, claimsOf(server.issuer, { ...atFixedTime, [name]: value }));
    const options = { server, client_id: CLIENT_ID, now: () => NOW_SECONDS * 1000 };
    expect(await rejectionOf(readIdToken(token, options))).toMatchObject({
      code: 'invalid_id_token',
      message: expect.stringContaining(`must have ${name} as a number`),
    });
  }
});

it.each([
  [600, { auth_time: NOW_SECONDS - 600 }, 'accepted'],
  [600, { auth_time: NOW_SECONDS - 661 }, 'invalid_id_token'],
  [0, { auth_time: NOW_SECONDS }, 'accepted'],
  [0, { auth_time: NOW_SECONDS - 61 }, 'invalid_id_token'],
  [600, {}, 'invalid_id_token'],
])('checks max_age %i with %j (OpenID Connect Core section 3.1.2.1)', async (max_age, changes, outcome) => {
  expect(await outcomeOf(readWith(changes, { max_age }))).toBe(outcome);
});

it.each<[unknown, unknown, string]>([
  [CLIENT_ID, undefined, 'accepted'],
  [[CLIENT_ID], undefined, 'accepted'],
  [CLIENT_ID, CLIENT_ID, 'accepted'],
  [['other', CLIENT_ID], CLIENT_ID, 'accepted'],
  [['other', CLIENT_ID], undefined, 'invalid_id_token'],
  [['other', CLIENT_ID], 'other', 'invalid_id_token'],
  [CLIENT_ID, 'other', 'invalid_id_token'],
  [CLIENT_ID, null, 'invalid_id_token'],
  [['other'], CLIENT_ID, 'invalid_id_token'],
  [[], CLIENT_ID, 'invalid_id_token'],
  [[CLIENT_ID, 1], CLIENT_ID, 'invalid_id_token'],
  [[[CLIENT_ID]], CLIENT_ID, 'invalid_id_token'],
  [`${CLIENT_ID} other`, undefined, 'invalid_id_token'],
  [{ [CLIENT_ID]: true }, undefined, 'invalid_id_token'],
])('checks aud %j with azp %j (OpenID Connect Core section 3.1.3.7)', async (aud, azp, outcome) => {
  const token = tokenWithParts({ alg: 'ES256' }, claimsOf(server.issuer, { ...atFixedTime, aud, azp }), 'AA');
  const options = { server, client_id: CLIENT_ID, now: () => NOW_SECONDS * 1000 };
  expect(await outcomeOf(readIdToken(token, options))).toBe(outcome);
});

describe('at_hash (OpenID Connect Core section 3.1.3.6)', () => {
  const hashed = async (hash: string): Promise<string> => {
    const digest = Buffer.from(await crypto.subtle.digest(hash, Buffer.from(ACCESS_TOKEN)));
    return digest.subarray(0, digest.length / 2).toString('base64url');
  };

  it.each([
    ['RS256', 'SHA-256'],
    ['PS384', 'SHA-384'],
    ['ES512', 'SHA-512'],
    ['EdDSA', 'SHA-512'],
  ])('of %s is half of %s', async (alg, hash) => {
    const options = { server, client_id: CLIENT_ID };
    const at_hash = await hashed(hash);
    const tokenWith = (claims: Record<string, unknown>): Token =>
      tokenWithParts({ alg }, claimsOf(server.issuer, claims), 'AA');
    expect(await readIdToken(tokenWith({ at_hash }), options)).toMatchObject({ at_hash });
    for (const wrong of [at_hash.slice(1), '', null, 1])
      expect(await rejectionOf(readIdToken(tokenWith({ at_hash: wrong }), options))).toMatchObject({
        code: 'invalid_id_token',
        message: expect.stringContaining('at_hash'),
      });
  });
});

describe('refuses a token whose ID token', () => {
  it.each([
    ['is missing', undefined, /scope openid/],
    ['is null', null, /scope openid/],
    ['is empty', '', /scope openid/],
    ['is no text', 1, /not a signed/],
    ['is an opaque text', 'PLANTED', /not a signed/],
    ['has two parts', 'e30.e30', /not a signed/],
    ['has four parts', 'e30.e30.AA.AA', /not a signed/],
    ['is encrypted', 'e30.AA.AA.AA.AA', /encrypted/],
    ['is padded', 'e30=.e30.AA', /not a signed/],
    ['has an array as header', 'W10.e30.AA', /not a signed/],
    ['has a text as claims', 'e30.IiI.AA', /not a signed/],
    [
      'has claims that are not UTF-8',
      `e30.${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString('base64url')}.AA`,
      /not a signed/,
    ],
  ])('%s', async (_name, id_token, message) => {
    const error = await rejectionOf(readIdToken(withIdToken(id_token), { server, client_id: CLIENT_ID }));
    expect(error).toMatchObject({ code: 'invalid_id_token', message: expect.stringMatching(message) });
  });

  it.each(['none', 'None', 'HS256', 'HS512', 'ES256K', 'RSA-OAEP', '', 1, undefined, null, ['RS256']])(
    'has the algorithm %j (RFC 8725 section 3.1)',
    async (alg) => {
      const token = tokenWithParts({ alg }, claimsOf(server.issuer), 'AA');
      expect(await rejectionOf(readIdToken(token, { server, client_id: CLIENT_ID }))).toMatchObject({
        code: 'invalid_id_token',
        message: expect.stringContaining('not signed with a public key'),
      });
    },
  );

  it('needs an extension (RFC 7515 section 4.1.11)', async () => {
    const token = tokenWithParts({ alg: 'ES256', crit: ['b64'], b64: false }, claimsOf(server.issuer), 'AA');
    expect(await rejectionOf(readIdToken(token, { server, client_id: CLIENT_ID }))).toMatchObject({
      code: 'invalid_id_token',
      message: expect.stringContaining('crit'),
    });
  });

  it.each([1, null, '', {}, ['PLANTED-SUB']])('has the sub %j', async (sub) => {
    const token = tokenWithParts({ alg: 'ES256' }, claimsOf(server.issuer, { sub }), 'AA');
    expect(await rejectionOf(readIdToken(token, { server, client_id: CLIENT_ID }))).toMatchObject({
      code: 'invalid_id_token',
      message: expect.stringContaining('names no user'),
    });
  });
});

it('shows nothing of the token in an error', async () => {
  const planted = {
    iss: { iss: 'PLANTED-ISS' },
    sub: { sub: ['PLANTED-OTHER'] },
    aud: { aud: 'PLANTED-AUD' },
    azp: { azp: 'PLANTED-AZP' },
    exp: { exp: 1 },
    nonce: { nonce: 'PLANTED-NONCE' },
    at_hash: { at_hash: 'PLANTED-HASH' },
  };
  for (const changes of Object.values(planted)) {
    const token = await tokenOf(key, claimsOf(server.issuer, { ...atFixedTime, ...changes }));
    const options = { server, client_id: CLIENT_ID, nonce: NONCE, now: () => NOW_SECONDS * 1000 };
    const shown = inspectAll(await rejectionOf(readIdToken(token, options)));
    expect(shown).not.toContain('PLANTED');
    expect(shown).not.toContain(NONCE);
    expect(shown).not.toContain(String(token['id_token']).slice(0, 20));
  }
});

it.each<[string, Record<string, unknown>]>([
  ['options.server', { server: {} }],
  ['options.server', { server: undefined }],
  ['options.server', { server: null }],
  ['options.client_id', { client_id: '' }],
  ['options.client_id', { client_id: undefined }],
  ['options.nonce', { nonce: '' }],
  ['options.nonce', { nonce: 1 }],
  ['options.max_age', { max_age: -1 }],
  ['options.max_age', { max_age: '600' }],
  ['options.verify', { verify: 'all' }],
])('rejects a wrong %s with a TypeError: %j', async (name, wrong) => {
  const options = { server, client_id: CLIENT_ID, ...wrong } as ReadIdTokenOptions;
  await expect(readIdToken(withIdToken('a'), options)).rejects.toThrow(TypeError);
  await expect(readIdToken(withIdToken('a'), options)).rejects.toThrow(name);
});
