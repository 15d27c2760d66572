import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { readIdToken, type IdTokenClaims, type ReadIdTokenOptions } from '@oa/identity';
import type { Token } from '@oa/types';
import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  claimsOf,
  CLIENT_ID,
  createProviderKey,
  startProvider,
  tokenOf,
  tokenWithParts,
  type Provider,
  type ProviderKey,
} from './provider.ts';

let key: ProviderKey;
let other: ProviderKey;
beforeAll(async () => {
  key = await createProviderKey('ES256', 'one');
  other = await createProviderKey('ES256', 'two');
});

const read = ({ server }: Provider, token: Token, options: Partial<ReadIdTokenOptions> = {}): Promise<IdTokenClaims> =>
  readIdToken(token, { server, client_id: CLIENT_ID, verify: 'signature', ...options });

const goodToken = ({ server }: Provider, signer: ProviderKey, header?: Record<string, unknown>): Promise<Token> =>
  tokenOf(signer, claimsOf(server.issuer, { exp: Math.floor(Date.now() / 1000) + 90_000 }), header);

const MINUTE_MS = 60_000;
const after = (milliseconds: number) => (): number => Date.now() + milliseconds;

describe('the keys of a server', () => {
  it('are fetched once for many tokens, also at the same time', async () => {
    await using provider = await startProvider([key, other]);
    const tokens = [await goodToken(provider, key), await goodToken(provider, other)];
    await Promise.all([...tokens, ...tokens].map((token) => read(provider, token)));
    await Promise.all(tokens.map((token) => read(provider, token)));
    expect(provider.fetches()).toBe(1);
  });

  it('are fetched once more for an unknown kid, and again after a minute', async () => {
    await using provider = await startProvider([key]);
    await read(provider, await goodToken(provider, key));
    const unknown = await goodToken(provider, other);
    for (const _ of [1, 2, 3])
      expect(await rejectionOf(read(provider, unknown))).toMatchObject({ code: 'invalid_id_token' });
    expect(provider.fetches()).toBe(2);
    provider.keys.push(other.jwk);
    await read(provider, unknown, { now: after(MINUTE_MS + 1) });
    expect(provider.fetches()).toBe(3);
  });

  it('are fetched again after an hour, so that a withdrawn key is refused', async () => {
    await using provider = await startProvider([key]);
    const token = await goodToken(provider, key);
    await read(provider, token);
    provider.keys.splice(0, 1, other.jwk);
    await read(provider, token, { now: after(59 * MINUTE_MS) });
    expect(provider.fetches()).toBe(1);
    expect(await rejectionOf(read(provider, token, { now: after(61 * MINUTE_MS) }))).toMatchObject({
      code: 'invalid_id_token',
    });
  });

  it('are fetched again for a wrong signature, because some servers keep the kid of a replaced key', async () => {
    await using provider = await startProvider([key]);
    await read(provider, await goodToken(provider, key));
    const replaced = { ...other, jwk: { ...other.jwk, kid: 'one' } };
    const token = await goodToken(provider, replaced);
    expect(await rejectionOf(read(provider, token))).toMatchObject({ code: 'invalid_id_token' });
    expect(provider.fetches()).toBe(1);
    provider.keys.splice(0, 1, replaced.jwk);
    await read(provider, token, { now: after(2 * MINUTE_MS) });
    expect(provider.fetches()).toBe(2);
  });

  it('may hold keys and members that are of no use here', async () => {
    await using provider = await startProvider([]);
    const hmac = { kty: 'oct', kid: 'one', k: 'AAAA' };
    const useless = [null, 'key', 1, [], {}, { kty: 'XYZ' }, hmac, { ...other.jwk, kid: 'one', use: 'enc' }];
    const operations = { key_ops: ['verify'], use: 'sig', alg: 'ES256', x5c: ['AAAA'], d: 'AAAA', ext: false };
    provider.keys.push(...useless, { ...key.jwk, ...operations });
    expect(await read(provider, await goodToken(provider, key))).toMatchObject({ sub: 'PLANTED-SUB' });
  });

  it.each([
    ['alg', { alg: 'RS256' }],
    ['use', { use: 'enc' }],
    ['key_ops', { key_ops: ['sign'] }],
    ['crv', { crv: 'P-384' }],
    ['kty', { kty: 'RSA' }],
    ['kid', { kid: 'another' }],
  ])('are not used if their %s does not fit', async (_name, changes) => {
    await using provider = await startProvider([]);
    provider.keys.push({ ...key.jwk, ...changes });
    const error = await rejectionOf(read(provider, await goodToken(provider, key)));
    expect(error).toMatchObject({ code: 'invalid_id_token', message: expect.stringContaining('no key that fits') });
  });

  it.each([
    ['is incomplete', { x: undefined }],
    ['is no point of the curve', { x: 'PLANTED' }],
  ])('are reported if the key %s', async (_name, changes) => {
    await using provider = await startProvider([]);
    provider.keys.push({ ...key.jwk, ...changes });
    const error = await rejectionOf(read(provider, await goodToken(provider, key)));
    expect(error).toMatchObject({ code: 'invalid_response' });
    expect(inspectAll(error)).not.toContain('PLANTED');
  });

  it('are refused below 2048 bits (RFC 7518 section 3.3)', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    await using provider = await startProvider([]);
    provider.keys.push({ ...publicKey.export({ format: 'jwk' }), kid: 'small' });
    const unsigned = tokenWithParts({ alg: 'RS256', kid: 'small' }, claimsOf(provider.server.issuer));
    const { sign } = await import('node:crypto');
    const [head, body] = String(unsigned['id_token']).split('.');
    const signature = sign('sha256', Buffer.from(`${head}.${body}`), privateKey).toString('base64url');
    const token = { ...unsigned, id_token: `${head}.${body}.${signature}` };
    expect(await rejectionOf(read(provider, token))).toMatchObject({ code: 'invalid_response' });
  });

  it('come from the jwks_uri only, and not from the header (RFC 7515 section 4.1.2)', async () => {
    await using provider = await startProvider([key], { '/other': () => ({ json: { keys: [other.jwk] } }) });
    const header = { kid: 'one', jku: `${provider.scripted.origin}/other`, jwk: other.jwk, x5u: 'http://127.0.0.1:1/' };
    const token = await goodToken(provider, other, header);
    expect(await rejectionOf(read(provider, token))).toMatchObject({ code: 'invalid_id_token' });
    expect(provider.scripted.requestsTo('/other')).toHaveLength(0);
  });

  it.each([
    ['endpoint_missing', { jwks_uri: undefined }],
    ['insecure_url', { jwks_uri: 'http://as.example/jwks' }],
  ])('are not fetched: %s for %j', async (code, changes) => {
    await using provider = await startProvider([key]);
    const server = { ...provider.server, ...changes } as Provider['server'];
    expect(await rejectionOf(read({ ...provider, server }, await goodToken(provider, key)))).toMatchObject({ code });
  });

  it.each([
    ['http_error', { status: 404 }],
    ['invalid_response', { json: { keys: {} } }],
    ['invalid_response', { json: [] }],
    ['invalid_json', { body: '' }],
  ])('can not be read: %s for %j', async (code, reply) => {
    await using provider = await startProvider([key], { '/jwks': () => reply });
    expect(await rejectionOf(read(provider, await goodToken(provider, key)))).toMatchObject({ code });
    // A failure is not remembered.
    provider.scripted.script({ '/jwks': { json: { keys: [key.jwk] } } });
    await read(provider, await goodToken(provider, key));
  });
});

it.each([1, null, ['one']])('refuses the kid %j', async (kid) => {
  await using provider = await startProvider([key]);
  const token = tokenWithParts({ alg: 'ES256', kid }, claimsOf(provider.server.issuer), 'AA');
  expect(await rejectionOf(read(provider, token))).toMatchObject({ code: 'invalid_id_token' });
  expect(provider.fetches()).toBe(0);
});

it.each(['RS384', 'PS512', 'ES384'])('verifies no signature with %s', async (alg) => {
  await using provider = await startProvider([key]);
  const token = tokenWithParts({ alg, kid: 'one' }, claimsOf(provider.server.issuer), 'AA');
  expect(await rejectionOf(read(provider, token))).toMatchObject({
    code: 'invalid_id_token',
    message: expect.stringContaining('can not verify'),
  });
});

it('stops with the reason of the signal', async () => {
  await using provider = await startProvider([key], { '/jwks': () => ({ drop: 'never' }) });
  const reason = new Error('The user left.');
  const token = await goodToken(provider, key);
  await expect(read(provider, token, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});
