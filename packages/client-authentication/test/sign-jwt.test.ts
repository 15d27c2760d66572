import { execFileSync } from 'node:child_process';
import { inspect } from 'node:util';
import { exportJWK, exportPKCS8, generateKeyPair, jwtVerify, type CryptoKey } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { signJwt, type SigningAlgorithm, type SigningKey } from '../src/index.ts';

const ALGORITHMS: readonly SigningAlgorithm[] = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const CLAIMS = { iss: 'my-service', sub: 'ä 💾', exp: 4_000_000_000, nested: { list: [1, null] } };

const pairs = new Map<string, { privateKey: CryptoKey; publicKey: CryptoKey }>();

beforeAll(async () => {
  for (const alg of ALGORITHMS) pairs.set(alg, await generateKeyPair(alg, { extractable: true }));
});

function pairOf(alg: string): { privateKey: CryptoKey; publicKey: CryptoKey } {
  const pair = pairs.get(alg);
  if (pair === undefined) throw new Error(`No key pair for ${alg}.`);
  return pair;
}

describe.each(ALGORITHMS)('signJwt with %s', (alg) => {
  const keys: Record<string, () => Promise<SigningKey>> = {
    'a CryptoKey': async () => pairOf(alg).privateKey,
    'a JWK': async () => exportJWK(pairOf(alg).privateKey),
    'a JWK with members for another use': async () => ({
      ...(await exportJWK(pairOf(alg).privateKey)),
      alg,
      use: 'sig',
      key_ops: ['verify'],
      ext: false,
    }),
    'a PEM text': async () => exportPKCS8(pairOf(alg).privateKey),
    'a PEM text in one line, as of an environment variable': async () =>
      (await exportPKCS8(pairOf(alg).privateKey)).replaceAll('\n', String.raw`\n`),
    'a PEM text with Windows line ends and text around it': async () =>
      `Bag Attributes\r\n${(await exportPKCS8(pairOf(alg).privateKey)).replaceAll('\n', '\r\n')}\r\n`,
  };

  it.each(Object.keys(keys))('makes a JWT from %s that jose accepts', async (kind) => {
    const key = (await keys[kind]?.()) ?? '';
    const jwt = await signJwt({ typ: 'test+jwt', kid: 'k1', alg }, CLAIMS, key);
    const { payload, protectedHeader } = await jwtVerify(jwt, pairOf(alg).publicKey, { algorithms: [alg] });
    expect(payload).toEqual(CLAIMS);
    expect(protectedHeader).toEqual({ typ: 'test+jwt', kid: 'k1', alg });
  });

  it('takes the algorithm of a CryptoKey, and the kid of a JWK', async () => {
    const { privateKey, publicKey } = pairOf(alg);
    expect((await jwtVerify(await signJwt({}, CLAIMS, privateKey), publicKey)).protectedHeader).toEqual({ alg });
    const jwk = { ...(await exportJWK(privateKey)), alg, kid: 'of-the-jwk' };
    const { protectedHeader } = await jwtVerify(await signJwt({}, CLAIMS, jwk), publicKey);
    expect(protectedHeader).toEqual({ alg, kid: 'of-the-jwk' });
    const unset = await jwtVerify(await signJwt({ kid: undefined }, CLAIMS, jwk), publicKey);
    expect(unset.protectedHeader.kid).toBe('of-the-jwk');
  });
});

it.each([
  ['RSA', 'RS256'],
  ['EC', 'ES256'],
  ['OKP', 'EdDSA'],
])('signs with the default algorithm of a %s key, %s', async (_, alg) => {
  const { privateKey, publicKey } = pairOf(alg);
  for (const key of [await exportJWK(privateKey), await exportPKCS8(privateKey)]) {
    const { protectedHeader } = await jwtVerify(await signJwt({}, CLAIMS, key), publicKey);
    expect(protectedHeader.alg).toBe(alg);
  }
});

it('signs with a PEM file of openssl', async () => {
  const pem = execFileSync('openssl', [
    'genpkey',
    '-algorithm',
    'EC',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
  ]).toString();
  const publicPem = execFileSync('openssl', ['pkey', '-pubout'], { input: pem });
  const { importSPKI } = await import('jose');
  const publicKey = await importSPKI(publicPem.toString(), 'ES256');
  expect((await jwtVerify(await signJwt({}, CLAIMS, pem), publicKey)).payload).toEqual(CLAIMS);
});

it('lets a function sign, such as that of a key management service', async () => {
  const { privateKey, publicKey } = pairOf('ES256');
  const jwt = await signJwt({ alg: 'ES256', kid: 'in-the-hsm' }, CLAIMS, async (data, alg) => {
    expect(alg).toBe('ES256');
    const parameters = { name: 'ECDSA', hash: 'SHA-256' };
    return new Uint8Array(await crypto.subtle.sign(parameters, privateKey, new Uint8Array(data)));
  });
  expect((await jwtVerify(jwt, publicKey)).protectedHeader).toEqual({ alg: 'ES256', kid: 'in-the-hsm' });
  const error = new Error('The service is down.');
  await expect(signJwt({ alg: 'ES256' }, CLAIMS, () => Promise.reject(error))).rejects.toBe(error);
});

it.each<[string, () => unknown]>([
  ['a signature in DER', () => new Uint8Array(70)],
  ['base64', () => 'MEUCIQ'],
  ['nothing', () => undefined],
])('refuses %s of a function for ES256, and says what is needed (RFC 7518 section 3.4)', async (_, sign) => {
  await expect(signJwt({ alg: 'ES256' }, CLAIMS, sign as () => Uint8Array)).rejects.toThrow(
    /must return the bytes of the signature in a Uint8Array: for ES256 the 64 bytes of R and S, not DER/,
  );
});

describe('a key that can not sign', () => {
  const openssl = (...args: string[]): string => execFileSync('openssl', args, { stdio: 'pipe' }).toString();
  const cases: Record<string, [() => SigningKey | Promise<SigningKey>, RegExp, alg?: string]> = {
    'no key': [() => null as never, /must be a CryptoKey, a JWK, the text of a PEM file, or a function/],
    'a file name': [() => '/etc/keys/my.pem', /Is it the name of a file\? Read the file first/],
    'an encrypted PEM': [
      () => openssl('genpkey', '-algorithm', 'ED25519', '-aes256', '-pass', 'pass:secret'),
      /encrypted key\. Decrypt it first: openssl pkcs8/,
    ],
    'a PEM of PKCS #1': [() => openssl('genrsa', '-traditional', '2048'), /openssl pkcs8 -topk8 -nocrypt/],
    'a PEM of SEC 1': [
      () => openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout'),
      /begins with EC PRIVATE KEY/,
    ],
    'a certificate': [() => '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----', /begins with CERTIFICATE/],
    'a PEM of another curve': [
      () => openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'),
      /no RSA, P-256 or Ed25519 key/,
    ],
    'a PEM without base64': [() => '-----BEGIN PRIVATE KEY-----\n%%%\n-----END PRIVATE KEY-----', /no RSA, P-256 or/],
    'a damaged PEM': [
      async () => (await exportPKCS8(pairOf('ES256').privateKey)).replace(/[\w+/]{20}(?=\n-----END)/, ''),
      /The signing key for ES256 is damaged or incomplete/,
    ],
    'a short RSA key': [() => openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'), /2048 bits/],
    'a public JWK': [async () => exportJWK(pairOf('ES256').publicKey), /no private key: its member d is missing/],
    'a symmetric JWK': [() => ({ kty: 'oct', d: 'planted-secret' }), /must be an RSA, P-256 or Ed25519 key/],
    'a damaged JWK': [
      async () => ({ ...(await exportJWK(pairOf('ES256').privateKey)), d: 'planted-secret' }),
      /The signing key for ES256 is damaged/,
    ],
    'a JWK for another algorithm': [
      async () => ({ ...(await exportJWK(pairOf('RS256').privateKey)), alg: 'PS256' }),
      /another member alg than the option `alg`/,
      'RS256',
    ],
    'a key of another kind': [
      async () => exportJWK(pairOf('ES256').privateKey),
      /The key signs with ES256, and not/,
      'RS256',
    ],
    'a public CryptoKey': [() => pairOf('ES256').publicKey, /must be private and have the usage 'sign'/],
    'a CryptoKey for another algorithm': [
      () => pairOf('RS256').privateKey,
      /signs with RS256, and the option/,
      'PS256',
    ],
    'a CryptoKey of another curve': [
      async () => (await generateKeyPair('ES384')).privateKey,
      /The algorithm of the CryptoKey must be one of RS256, PS256, ES256, EdDSA/,
    ],
    'a function without an algorithm': [() => () => new Uint8Array(), /needs the option `alg`/],
  };

  it.each(Object.keys(cases))('is a TypeError that names the cure and shows no part of the key: %s', async (name) => {
    const [make, message, alg] = cases[name] as (typeof cases)[string];
    const key = await make();
    const error = await signJwt({ alg }, CLAIMS, key).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(TypeError);
    expect((error as TypeError).message).toMatch(message);
    const shown = inspect(error, { depth: 10, showHidden: true });
    const parts = typeof key === 'string' ? key.split('\n').slice(1, -2) : [Object(key).d];
    for (const part of parts.filter((each) => typeof each === 'string' && each.length > 10))
      expect(shown).not.toContain(part);
  });
});
