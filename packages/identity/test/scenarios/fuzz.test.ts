import { inspectAll } from '@oa-internal/testing';
import { readIdToken } from '@oa/identity';
import { attempt, type Token } from '@oa/types';
import * as fc from 'fast-check';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  claimsOf,
  CLIENT_ID,
  createProviderKey,
  NONCE,
  startProvider,
  tokenOf,
  type Provider,
  type ProviderKey,
} from '../provider.ts';

const runs = Number(process.env['OA_FUZZ_RUNS'] ?? 200);
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];

let keys: ProviderKey[];
let provider: Provider;
let published: ReturnType<typeof createLocalJWKSet>;
beforeAll(async () => {
  keys = await Promise.all(ALGORITHMS.map((alg) => createProviderKey(alg)));
  provider = await startProvider(keys);
  published = createLocalJWKSet({ keys: keys.map(({ jwk }) => jwk) });
});
afterAll(() => provider[Symbol.asyncDispose]());

/** Whether this package accepts an ID token. Its errors show nothing of it. */
async function isAccepted(id_token: string): Promise<boolean> {
  const token: Token = { access_token: 'a', token_type: 'Bearer', id_token };
  const { server } = provider;
  const options = { server, client_id: CLIENT_ID, nonce: NONCE, verify: 'signature' as const };
  const result = await attempt(readIdToken(token, options));
  if (result.ok) return true;
  expect(result.error.code).toBe('invalid_id_token');
  expect(inspectAll(result.error)).not.toContain('PLANTED');
  return false;
}

/** Whether jose accepts it, by the same rules. */
async function isAcceptedByJose(id_token: string): Promise<boolean> {
  try {
    const { payload } = await jwtVerify(id_token, published, {
      algorithms: [...ALGORITHMS, 'Ed25519'],
      issuer: provider.server.issuer,
      audience: CLIENT_ID,
      clockTolerance: 60,
      requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat', 'nonce'],
    });
    const { sub, nonce } = payload;
    return typeof sub === 'string' && sub !== '' && nonce === NONCE && isOfOpenIdConnect(payload);
  } catch {
    return false;
  }
}

/** The rules of OpenID Connect Core section 3.1.3.7 that a library for JSON Web Tokens does not know, written without the package. */
function isOfOpenIdConnect(payload: Record<string, unknown>): boolean {
  const { aud, azp, iat, auth_time, at_hash } = payload;
  const maxTime = Date.now() / 1000 + 60;
  if ('azp' in payload ? azp !== CLIENT_ID : Array.isArray(aud) && aud.length > 1) return false;
  if (Array.isArray(aud) && aud.some((each) => typeof each !== 'string')) return false;
  if ('auth_time' in payload && !(typeof auth_time === 'number' && auth_time <= maxTime)) return false;
  // The access token is never the one of a random hash.
  return Number(iat) <= maxTime && at_hash === undefined;
}

const now = Math.floor(Date.now() / 1000);
// Away from the edges: both sides read the clock at another moment.
const time = fc.constantFrom<unknown>(
  now,
  now - 30,
  now - 10_000,
  now + 10_000,
  0,
  -1,
  now + 0.5,
  1e300,
  '1',
  null,
  [],
  true,
);
const text = fc.oneof(fc.string(), fc.constantFrom('', CLIENT_ID, NONCE, 'PLANTED-SUB', 'constructor'));
const audience = fc.oneof(text, fc.array(fc.oneof(text, fc.constant(CLIENT_ID), fc.integer()), { maxLength: 3 }));
const value = fc.oneof(text, time, audience, fc.jsonValue({ maxDepth: 2 }));
const change = fc.oneof(
  fc.record({ aud: audience }),
  fc.record({ azp: text }),
  fc.record({ aud: audience, azp: fc.constant(CLIENT_ID) }),
  fc.constantFrom('exp', 'iat', 'nbf', 'auth_time').chain((name) => time.map((at) => ({ [name]: at }))),
  fc
    .constantFrom('iss', 'sub', 'aud', 'azp', 'exp', 'iat', 'nbf', 'nonce', 'at_hash', '__proto__', 'email')
    .chain((name) => fc.oneof(value, fc.constant(undefined)).map((changed) => ({ [name]: changed }))),
);
const header = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  fc.record({ kid: fc.constantFrom<unknown>('key of RS256', 'key of ES256', undefined, 'unknown', '') }),
  fc.record({ typ: fc.string() }),
);

it('accepts exactly the claims and headers that jose accepts by the same rules (OpenID Connect Core section 3.1.3.7)', async () => {
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: keys.length - 1 }),
      fc.array(change, { maxLength: 2 }),
      header,
      async (index, changes, more) => {
        const claims = claimsOf(provider.server.issuer, Object.assign({}, ...changes) as Record<string, unknown>);
        const token = await tokenOf(keys[index] as ProviderKey, claims, more);
        const expected = await isAcceptedByJose(String(token['id_token']));
        accepted += Number(expected);
        expect(await isAccepted(String(token['id_token']))).toBe(expected);
      },
    ),
    { numRuns: runs },
  );
  expect(accepted).toBeGreaterThan(runs / 20);
  expect(accepted).toBeLessThan(runs);
});

it('accepts no damaged text that jose refuses, and no other bytes than the signed ones', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: keys.length - 1 }),
      fc.nat(),
      fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom('', '.', '=', ' ', '\n', '-', '+', 'A', '\u00e9')),
      fc.nat({ max: 3 }),
      async (index, position, inserted, deleted) => {
        const { id_token } = await tokenOf(keys[index] as ProviderKey, claimsOf(provider.server.issuer));
        const good = String(id_token);
        const at = position % good.length;
        const damaged = good.slice(0, at) + inserted + good.slice(at + deleted);
        const bytes = (whole: string): string[] =>
          whole.split('.').map((part, place) => (place < 2 ? part : Buffer.from(part, 'base64url').toString('hex')));
        const isSame = (await isAcceptedByJose(damaged)) && bytes(damaged).join('.') === bytes(good).join('.');
        expect((await isAccepted(damaged)) && !isSame).toBe(false);
      },
    ),
    { numRuns: runs },
  );
});

it('accepts no signature with a changed bit', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: keys.length - 1 }), fc.nat(), async (index, bit) => {
      const { id_token } = await tokenOf(keys[index] as ProviderKey, claimsOf(provider.server.issuer));
      const [head, body, signature = ''] = String(id_token).split('.');
      const bytes = Buffer.from(signature, 'base64url');
      const at = bit % (bytes.length * 8);
      bytes[at >> 3] = (bytes[at >> 3] ?? 0) ^ (1 << (at & 7));
      expect(await isAccepted(`${head}.${body}.${bytes.toString('base64url')}`)).toBe(false);
    }),
    { numRuns: runs },
  );
});
