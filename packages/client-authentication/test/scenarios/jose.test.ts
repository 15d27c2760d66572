// jose, which this package does not depend on, verifies every JWT that the package makes.
import {
  authenticateClient,
  clientSecretJwt,
  privateKeyJwt,
  signJwt,
  type SigningKey,
} from '@oa/client-authentication';
import * as fc from 'fast-check';
import { exportJWK, exportPKCS8, generateKeyPair, jwtVerify, type CryptoKey } from 'jose';
import { beforeAll, expect, it } from 'vitest';

const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const;
const KINDS = ['CryptoKey', 'JWK', 'PEM', 'function'] as const;
const RUNS = 200;

interface Key {
  publicKey: CryptoKey;
  signing: Record<(typeof KINDS)[number], SigningKey>;
}
const keys = new Map<string, Key>();

const PARAMETERS = {
  RS256: 'RSASSA-PKCS1-v1_5',
  PS256: { name: 'RSA-PSS', saltLength: 32 },
  ES256: { name: 'ECDSA', hash: 'SHA-256' },
  EdDSA: 'Ed25519',
} as const;

beforeAll(async () => {
  for (const alg of ALGORITHMS) {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const sign = async (data: Uint8Array): Promise<Uint8Array> =>
      new Uint8Array(await crypto.subtle.sign(PARAMETERS[alg], privateKey, new Uint8Array(data)));
    keys.set(alg, {
      publicKey,
      signing: {
        CryptoKey: privateKey,
        JWK: await exportJWK(privateKey),
        PEM: await exportPKCS8(privateKey),
        function: sign,
      },
    });
  }
});

const anyKey = fc.record({ alg: fc.constantFrom(...ALGORITHMS), kind: fc.constantFrom(...KINDS) });
const anyText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 50 });
const anyClaims = fc
  .dictionary(anyText, fc.jsonValue())
  // jose reads these as times and texts.
  .map(
    ({ exp: _exp, nbf: _nbf, iat: _iat, aud: _aud, iss: _iss, sub: _sub, jti: _jti, __proto__: _proto, ...claims }) =>
      claims,
  );

it('signJwt: any claims, any kid and any type, with each key', async () => {
  await fc.assert(
    fc.asyncProperty(anyKey, anyClaims, anyText, anyText, async ({ alg, kind }, claims, kid, typ) => {
      const { publicKey, signing } = keys.get(alg) as Key;
      const jwt = await signJwt({ alg, kid, typ }, claims, signing[kind]);
      const { payload, protectedHeader } = await jwtVerify(jwt, publicKey, { algorithms: [alg] });
      expect(payload).toEqual(JSON.parse(JSON.stringify(claims)));
      expect(protectedHeader).toEqual({ alg, kid, typ });
      expect(jwt).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    }),
    { numRuns: RUNS },
  );
});

it('privateKeyJwt and clientSecretJwt: any client, issuer, audience, lifetime and clock', async () => {
  const jtis = new Set<unknown>();
  const options = fc.record({
    audience: fc.option(anyText, { nil: undefined }),
    lifetime: fc.integer({ min: 1, max: 300 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(anyKey, fc.record({ alg: fc.constant('HS256' as const), kind: fc.constant('CryptoKey' as const) })),
      fc.record({ client_id: anyText, client_secret: anyText }),
      anyText,
      options,
      fc.integer({ min: 0, max: 4_000_000_000_000 }),
      async ({ alg, kind }, client, issuer, { audience, lifetime }, nowMs) => {
        const key = keys.get(alg);
        const authentication =
          key === undefined
            ? clientSecretJwt({ audience, lifetime })
            : privateKeyJwt(key.signing[kind], { alg, audience, lifetime });
        const server = { issuer, token_endpoint: 'https://as.example/token' };
        const { parameters } = await authenticateClient(server, client, { authentication, now: () => nowMs });
        const verifier = key?.publicKey ?? new TextEncoder().encode(client.client_secret);
        const { payload } = await jwtVerify(String(parameters['client_assertion']), verifier, {
          algorithms: [alg],
          typ: 'client-authentication+jwt',
          currentDate: new Date(nowMs),
        });
        const iat = Math.floor(nowMs / 1000);
        const { client_id } = client;
        const aud =
          audience === undefined || audience === 'issuer'
            ? issuer
            : audience === 'token_endpoint'
              ? server.token_endpoint
              : audience;
        expect(payload).toEqual({ iss: client_id, sub: client_id, aud, jti: payload.jti, iat, exp: iat + lifetime });
        expect(jtis.has(payload.jti)).toBe(false);
        jtis.add(payload.jti);
      },
    ),
    { numRuns: RUNS },
  );
});
