import { inspectAll } from '@oa-internal/testing';
import { createDpop, createDpopKey } from '@oa/dpop';
import type { DpopKey } from '@oa/types';
import { calculateJwkThumbprint, generateKeyPair, exportJWK } from 'jose';
import { expect, it } from 'vitest';

it('creates another private P-256 key each time, which JSON can hold', async () => {
  const [key, other] = [await createDpopKey(), await createDpopKey()];
  expect(Object.keys(key)).toEqual(['kty', 'crv', 'x', 'y', 'd']);
  expect(key.d).not.toBe(other.d);
  const stored = JSON.parse(JSON.stringify(key)) as DpopKey;
  expect((await createDpop(stored)).jkt).toBe((await createDpop(key)).jkt);
});

it('has the thumbprint that jose calculates (RFC 7638 section 3)', async () => {
  const key = await createDpopKey();
  expect((await createDpop(key)).jkt).toBe(await calculateJwkThumbprint(key, 'sha256'));
});

it('takes the key of another library, with more members', async () => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), key_ops: ['verify'], ext: false, use: 'enc', kid: 'other' };
  const dpop = await createDpop(jwk as unknown as DpopKey);
  expect(dpop.jkt).toBe(await calculateJwkThumbprint(jwk));
});

it('refuses anything but a private P-256 key, and shows no part of it', async () => {
  const key = await createDpopKey();
  const { d: _, ...publicKey } = key;
  const wrong: unknown[] = [undefined, null, 'PLANTED', publicKey, { ...key, crv: 'P-384' }, { ...key, kty: 'OKP' }];
  for (const each of wrong)
    await expect(createDpop(each as DpopKey)).rejects.toThrow(
      new TypeError('A DPoP key must be a private P-256 key as a JWK. Create one with createDpopKey().'),
    );
  const error: unknown = await createDpop({ ...key, d: 'PLANTED' }).catch((thrown: unknown) => thrown);
  expect(error).toEqual(new TypeError('The DPoP key is damaged. Create one with createDpopKey().'));
  expect(inspectAll(error)).not.toContain('PLANTED');
});
