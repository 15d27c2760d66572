// A client that authenticates with a key, and gets another one without a gap, at oidc-provider.
import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { rejectionOf } from '@oa-internal/testing';
import { privateKeyJwt, type SigningCryptoKey } from '@oa/client-authentication';
import { readClient, registerClient, updateClient } from '@oa/registration';
import { requestToken } from '@oa/token-endpoint';
import type { AuthorizationServer, Client } from '@oa/types';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';

let handle: AuthorizationServerHandle;
let server: AuthorizationServer;

beforeAll(async () => {
  handle = await startAuthorizationServer();
  const answer = await fetch(`${handle.issuer}/.well-known/openid-configuration`);
  server = (await answer.json()) as AuthorizationServer;
});
afterAll(() => handle.close());

interface KeyPair {
  kid: string;
  privateKey: SigningCryptoKey;
  publicJwk: JWK;
}

async function createKeyPair(kid: string): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  return { kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' } };
}

async function getToken(client: Client, { kid, privateKey }: KeyPair): Promise<string> {
  const authentication = privateKeyJwt(privateKey, { kid });
  const token = await requestToken(server, client, { grant_type: 'client_credentials' }, { authentication });
  return token.token_type;
}

it('registers with jwks, and replaces the key: both, the new one, the new one only (RFC 7592 section 2.2)', async () => {
  const [old, next] = [await createKeyPair('2026-11'), await createKeyPair('2027-05')];
  let client = await registerClient(server, {
    client_name: 'A job',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [old.publicJwk] },
  });
  expect(client).toMatchObject({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kid: '2026-11' }] } });
  expect(client.client_secret).toBeUndefined();
  expect(await getToken(client, old)).toBe('Bearer');
  expect((await rejectionOf(getToken(client, next))).error).toBe('invalid_client');

  client = await updateClient(client, { ...client, jwks: { keys: [old.publicJwk, next.publicJwk] } });
  expect([await getToken(client, old), await getToken(client, next)]).toEqual(['Bearer', 'Bearer']);

  client = await updateClient(client, { ...client, jwks: { keys: [next.publicJwk] } });
  expect(await getToken(client, next)).toBe('Bearer');
  expect((await rejectionOf(getToken(client, old))).error).toBe('invalid_client');
  expect((await readClient(client))['jwks']).toEqual({ keys: [next.publicJwk] });
});

it('without the option authentication names the function (RFC 7591 section 2)', async () => {
  const { publicJwk } = await createKeyPair('k');
  const client = await registerClient(server, {
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [publicJwk] },
  });
  const error = await rejectionOf(requestToken(server, client, { grant_type: 'client_credentials' }));
  expect(error.code).toBe('unsupported_client_authentication');
  expect(error.message).toContain('Pass the option `authentication`: privateKeyJwt(key)');
});
