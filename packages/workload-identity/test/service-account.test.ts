import { exportJWK, exportPKCS8, generateKeyPair, jwtVerify } from 'jose';
import { beforeAll, expect, it } from 'vitest';
import { inspectAll } from '@oa-internal/testing';
import { serviceAccount, type ServiceAccount } from '../src/index.ts';

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;
let rsa: Pair;
let ec: Pair;
const REQUEST = { audience: 'https://as.example' };

beforeAll(async () => {
  rsa = await generateKeyPair('RS256', { extractable: true });
  ec = await generateKeyPair('ES256', { extractable: true });
});

it('signs with the members of the JSON file of a Google service account', async () => {
  const file = JSON.stringify({
    type: 'service_account',
    project_id: 'my-project',
    private_key_id: 'key-1',
    private_key: await exportPKCS8(rsa.privateKey),
    client_email: 'robot@my-project.iam.gserviceaccount.com',
    client_id: '1234',
    token_uri: 'https://oauth2.googleapis.com/token',
  });
  const { client_email: iss, private_key: key, private_key_id: kid, token_uri: aud } = JSON.parse(file);
  const jwt = await serviceAccount({ iss, aud, key, kid, scope: 'https://www.googleapis.com/auth/drive' })(REQUEST);
  const { payload, protectedHeader } = await jwtVerify(jwt, rsa.publicKey);
  expect(protectedHeader).toEqual({ typ: 'JWT', alg: 'RS256', kid: 'key-1' });
  const { iat = 0, exp, jti, ...claims } = payload;
  expect(claims).toEqual({
    iss: 'robot@my-project.iam.gserviceaccount.com',
    aud: 'https://oauth2.googleapis.com/token',
    scope: 'https://www.googleapis.com/auth/drive',
  });
  expect(exp).toBe(iat + 60);
  expect(jti).toMatch(/^[\w-]{43}$/);
});

it('makes a new assertion for each request, for its audience', async () => {
  const source = serviceAccount({ iss: 'me', sub: 'you', key: ec.privateKey, now: () => 2_000_000_000_999 });
  const jwts = [await source(REQUEST), await source({ audience: 'https://other.example' })];
  const options = { currentDate: new Date(2_000_000_001_000) };
  const claims = await Promise.all(jwts.map(async (jwt) => (await jwtVerify(jwt, ec.publicKey, options)).payload));
  expect(claims).toMatchObject([
    { iss: 'me', sub: 'you', aud: 'https://as.example', iat: 2_000_000_000, exp: 2_000_000_060 },
    { aud: 'https://other.example' },
  ]);
  expect(claims[0]?.jti).not.toBe(claims[1]?.jti);
});

it('takes the kid of a JWK, claims of the server such as box_sub_type, and another algorithm', async () => {
  const jwk = { ...(await exportJWK(rsa.privateKey)), kid: 'of-the-jwk' };
  const claims = { box_sub_type: 'enterprise' };
  const jwt = await serviceAccount({ iss: 'me', sub: '1', key: jwk, alg: 'PS256', claims })(REQUEST);
  const { payload, protectedHeader } = await jwtVerify(jwt, await pss());
  expect(protectedHeader).toEqual({ typ: 'JWT', alg: 'PS256', kid: 'of-the-jwk' });
  expect(payload).toMatchObject(claims);
});

async function pss(): ReturnType<typeof crypto.subtle.importKey> {
  const jwk = await exportJWK(rsa.publicKey);
  return crypto.subtle.importKey('jwk', jwk as object, { name: 'RSA-PSS', hash: 'SHA-256' }, true, ['verify']);
}

it('rejects with the reason of the signal while a function signs', async () => {
  const reason = new Error('stop');
  const controller = new AbortController();
  const key = (): Promise<Uint8Array> => {
    controller.abort(reason);
    return new Promise(() => {});
  };
  const source = serviceAccount({ iss: 'me', key, alg: 'ES256' });
  await expect(source({ ...REQUEST, signal: controller.signal })).rejects.toBe(reason);
  await expect(source({ ...REQUEST, signal: controller.signal })).rejects.toBe(reason);
});

it('rejects with a TypeError that shows no part of a key that can not sign', async () => {
  const key = '-----BEGIN PRIVATE KEY-----\nplantedSecretOfTheKey\n-----END PRIVATE KEY-----';
  const error: unknown = await serviceAccount({ iss: 'me', key })(REQUEST).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TypeError);
  expect(inspectAll(error)).not.toContain('plantedSecret');
});

it.each<[Partial<ServiceAccount>, RegExp]>([
  [{ iss: '' }, /^iss must be a non-empty string\. .* is the variable set\?/],
  [{ key: undefined as never }, /^key must be a private key, and it is missing\./],
  [{ key: '' }, /^key must be a private key/],
  [{ sub: '' }, /^sub must be/],
  [{ aud: 1 as never }, /^aud must be/],
  [{ scope: [] as never }, /^scope must be/],
  [{ kid: '' }, /^kid must be/],
  [{ alg: '' }, /^alg must be/],
  [{ claims: { exp: 1 } }, /^claims must not have exp/],
])('is a TypeError at once for %j', (wrong, message) => {
  const make = (): unknown => serviceAccount({ iss: 'me', key: 'plantedSecret', ...wrong });
  expect(make).toThrow(TypeError);
  expect(make).toThrow(message);
});

it('is a TypeError without any audience', async () => {
  await expect(serviceAccount({ iss: 'me', key: ec.privateKey })({} as never)).rejects.toThrow(
    /^request\.audience must/,
  );
});
