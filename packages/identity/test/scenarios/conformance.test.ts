import { rejectionOf } from '@oa-internal/testing';
import { introspect, readIdToken, userInfo, type IdTokenClaims } from '@oa/identity';
import type { Token } from '@oa/types';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  ACCESS_TOKEN,
  claimsOf,
  CLIENT_ID,
  createProviderKey,
  NONCE,
  startProvider,
  tokenOf,
  tokenWithParts,
  type Provider,
  type ProviderKey,
} from '../provider.ts';

// The modules of the OpenID Connect conformance suite for relying parties, by their names. The login itself is the part of @oa/loopback.

let key: ProviderKey;
let other: ProviderKey;
beforeAll(async () => {
  key = await createProviderKey('RS256', 'one');
  other = await createProviderKey('RS256', 'two');
});

const read = ({ server }: Provider, token: Token): Promise<IdTokenClaims> =>
  readIdToken(token, { server, client_id: CLIENT_ID, nonce: NONCE, verify: 'signature' });

/** Reads an ID token whose claims differ from those of a good one. */
async function readWith(changes: Record<string, unknown>): Promise<IdTokenClaims> {
  await using provider = await startProvider([key]);
  return await read(provider, await tokenOf(key, claimsOf(provider.server.issuer, changes)));
}

const withoutKid = ({ jwk, ...rest }: ProviderKey): ProviderKey => {
  const { kid: _, ...unnamed } = jwk;
  return { ...rest, jwk: unnamed };
};

describe('accepts the ID token of', () => {
  it('oidcc-client-test', async () => {
    expect(await readWith({})).toMatchObject({ sub: 'PLANTED-SUB', aud: CLIENT_ID, nonce: NONCE });
  });

  it.each(['RS256', 'PS256', 'ES256', 'EdDSA'])('oidcc-client-test-idtoken-sig-%s', async (alg) => {
    const signer = await createProviderKey(alg);
    await using provider = await startProvider([other, signer]);
    const token = await tokenOf(signer, claimsOf(provider.server.issuer));
    expect(await read(provider, token)).toMatchObject({ sub: 'PLANTED-SUB' });
    expect(provider.fetches()).toBe(1);
  });

  it('oidcc-client-test-kid-absent-single-jwks', async () => {
    const unnamed = withoutKid(key);
    await using provider = await startProvider([unnamed, await createProviderKey('ES256')]);
    expect(await read(provider, await tokenOf(unnamed, claimsOf(provider.server.issuer)))).toMatchObject({
      sub: 'PLANTED-SUB',
    });
  });

  it('oidcc-client-test-signing-key-rotation', async () => {
    await using provider = await startProvider([key]);
    await read(provider, await tokenOf(key, claimsOf(provider.server.issuer)));
    provider.keys.push(other.jwk);
    await read(provider, await tokenOf(other, claimsOf(provider.server.issuer)));
    await read(provider, await tokenOf(key, claimsOf(provider.server.issuer)));
    expect(provider.fetches()).toBe(2);
  });
});

describe('refuses the ID token of', () => {
  it.each([
    ['oidcc-client-test-invalid-iss', { iss: 'https://other.example' }, /another issuer/],
    ['oidcc-client-test-invalid-iss, by a slash', { iss: 'slash' }, /another issuer/],
    ['oidcc-client-test-missing-iss', { iss: undefined }, /another issuer/],
    ['oidcc-client-test-missing-sub', { sub: undefined }, /names no user/],
    ['oidcc-client-test-invalid-aud', { aud: 'another-client' }, /another client/],
    ['oidcc-client-test-missing-aud', { aud: undefined }, /another client/],
    ['oidcc-client-test-missing-iat', { iat: undefined }, /must have iat/],
    ['oidcc-client-test-missing-exp', { exp: undefined }, /must have exp/],
    ['oidcc-client-test-nonce-invalid', { nonce: 'another-nonce' }, /another login/],
    ['oidcc-client-test-nonce-missing', { nonce: undefined }, /no nonce/],
    ['oidcc-client-test-invalid-athash', { at_hash: 'PLANTED-HASH' }, /another access token/],
  ])('%s', async (_module, changes, message) => {
    await using provider = await startProvider([key]);
    const { issuer } = provider.server;
    const claims = claimsOf(issuer, 'iss' in changes && changes.iss === 'slash' ? { iss: `${issuer}/` } : changes);
    const error = await rejectionOf(read(provider, await tokenOf(key, claims)));
    expect(error).toMatchObject({ code: 'invalid_id_token', message: expect.stringMatching(message) });
    expect(provider.fetches()).toBe(0);
  });

  it('oidcc-client-test-invalid-sig-rs256', async () => {
    await using provider = await startProvider([key]);
    const forged = { ...other, jwk: key.jwk };
    const error = await rejectionOf(read(provider, await tokenOf(forged, claimsOf(provider.server.issuer))));
    expect(error).toMatchObject({ code: 'invalid_id_token', message: expect.stringMatching(/signature/) });
    expect(provider.fetches()).toBe(1);
  });

  it('oidcc-client-test-invalid-sig-es256', async () => {
    const signer = await createProviderKey('ES256', 'one');
    await using provider = await startProvider([signer]);
    const forged = { ...(await createProviderKey('ES256')), jwk: signer.jwk };
    const error = await rejectionOf(read(provider, await tokenOf(forged, claimsOf(provider.server.issuer))));
    expect(error).toMatchObject({ code: 'invalid_id_token', message: expect.stringMatching(/signature/) });
  });

  it.each(['claims', 'signature'] as const)('oidcc-client-test-idtoken-sig-none, with verify: %j', async (verify) => {
    await using provider = await startProvider([key]);
    const token = tokenWithParts({ alg: 'none' }, claimsOf(provider.server.issuer));
    const options = { server: provider.server, client_id: CLIENT_ID, verify };
    expect(await rejectionOf(readIdToken(token, options))).toMatchObject({ code: 'invalid_id_token' });
    expect(provider.fetches()).toBe(0);
  });

  it.each(['claims', 'signature'] as const)(
    'oidcc-client-test-invalid-sig-hs256, with verify: %j, signed with the public key',
    async (verify) => {
      await using provider = await startProvider([key]);
      const secret = await crypto.subtle.importKey(
        'raw',
        new TextEncoder().encode(key.jwk.n),
        { name: 'HMAC', hash: 'SHA-256' },
        false,
        ['sign'],
      );
      const forged = { alg: 'HS256', privateKey: secret, jwk: key.jwk };
      const token = await tokenOf(forged, claimsOf(provider.server.issuer));
      const options = { server: provider.server, client_id: CLIENT_ID, verify };
      expect(await rejectionOf(readIdToken(token, options))).toMatchObject({ code: 'invalid_id_token' });
    },
  );

  it('oidcc-client-test-kid-absent-multiple-jwks', async () => {
    const unnamed = withoutKid(key);
    await using provider = await startProvider([unnamed, withoutKid(other)]);
    const error = await rejectionOf(read(provider, await tokenOf(unnamed, claimsOf(provider.server.issuer))));
    expect(error).toMatchObject({ code: 'invalid_id_token', message: expect.stringMatching(/several keys/) });
  });
});

describe('asks the provider', () => {
  it('oidcc-client-test-userinfo-bearer-header', async () => {
    await using provider = await startProvider([key], { '/userinfo': () => ({ json: { sub: 'PLANTED-SUB' } }) });
    await userInfo(provider.server, await tokenOf(key, claimsOf(provider.server.issuer)));
    expect(provider.scripted.requests).toMatchObject([
      { method: 'GET', path: '/userinfo', body: '', headers: { authorization: `Bearer ${ACCESS_TOKEN}` } },
    ]);
  });

  it('oidcc-client-test-scope-userinfo-claims', async () => {
    const json = { sub: 'PLANTED-SUB', name: 'Ada', email: 'ada@example.org', email_verified: true };
    await using provider = await startProvider([key], { '/userinfo': () => ({ json }) });
    const token = await tokenOf(key, claimsOf(provider.server.issuer));
    expect(await userInfo(provider.server, token)).toEqual(json);
  });

  it('oidcc-client-test-userinfo-invalid-sub', async () => {
    await using provider = await startProvider([key], { '/userinfo': () => ({ json: { sub: 'another' } }) });
    const token = await tokenOf(key, claimsOf(provider.server.issuer));
    expect(await rejectionOf(userInfo(provider.server, token))).toMatchObject({ code: 'invalid_id_token' });
  });

  it('oidcc-client-test-client-secret-basic', async () => {
    await using provider = await startProvider([key], { '/introspect': () => ({ json: { active: true } }) });
    const client = { client_id: CLIENT_ID, client_secret: 's' };
    expect(await introspect(provider.server, client, ACCESS_TOKEN)).toEqual({ active: true });
    expect(provider.scripted.requests).toMatchObject([
      { headers: { authorization: `Basic ${btoa(`${CLIENT_ID}:s`)}` } },
    ]);
  });
});
