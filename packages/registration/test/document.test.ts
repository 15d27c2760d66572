import { clientMetadataDocument } from '@oa/registration';
import { describe, expect, it } from 'vitest';

const members = { client_id: 'https://tool.example/client.json', client_name: 'My tool' };

it('makes the document of a public native client, with a redirect URI on each loopback host and port', () => {
  expect(
    clientMetadataDocument({ ...members, ports: [28_391, 28_392, 28_391], client_uri: 'https://tool.example/' }),
  ).toEqual({
    client_id: 'https://tool.example/client.json',
    client_name: 'My tool',
    client_uri: 'https://tool.example/',
    redirect_uris: [
      'http://127.0.0.1:28391/callback',
      'http://[::1]:28391/callback',
      'http://localhost:28391/callback',
      'http://127.0.0.1:28392/callback',
      'http://[::1]:28392/callback',
      'http://localhost:28392/callback',
    ],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
  });
});

it('makes redirect URIs without a port where no ports are named (RFC 8252 section 7.3)', () => {
  expect(clientMetadataDocument(members).redirect_uris).toEqual([
    'http://127.0.0.1/callback',
    'http://[::1]/callback',
    'http://localhost/callback',
  ]);
});

it('keeps other members, and public keys for private_key_jwt', () => {
  const own = {
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: '1' }] },
    grant_types: ['authorization_code'],
    own: [1],
  };
  expect(clientMetadataDocument({ ...members, ...own })).toMatchObject(own);
});

it('accepts private_key_jwt with the address of the public keys', () => {
  const own = { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://tool.example/jwks.json' };
  expect(clientMetadataDocument({ ...members, ...own })).toMatchObject(own);
});

describe('a TypeError', () => {
  it.each<[string, object, RegExp]>([
    ['a client_id that can not be its URL', { client_id: 'http://tool.example/a' }, /^client_id must be the https URL/],
    ['no client_name', { client_name: '' }, /client_name must be a non-empty string/],
    ['a client_secret', { client_secret: 's3cret' }, /client_secret must not be set/],
    ['an expiry of a secret', { client_secret_expires_at: 0 }, /client_secret_expires_at must not be set/],
    ['a registration_access_token', { registration_access_token: 's3cret' }, /registration_access_token must not/],
    ['redirect URIs of its own', { redirect_uris: ['http://127.0.0.1/a'] }, /redirect_uris must not be set/],
    ['a shared secret', { token_endpoint_auth_method: 'client_secret_basic' }, /can share no secret/],
    [
      'no keys for private_key_jwt',
      { token_endpoint_auth_method: 'private_key_jwt' },
      /private_key_jwt needs .*jwks_uri/,
    ],
    [
      'an empty key set for private_key_jwt',
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [] } },
      /private_key_jwt needs .*jwks_uri/,
    ],
    ['a private key', { jwks: { keys: [{ kty: 'EC', d: 's3cret' }] } }, /jwks must have public keys only/],
    ['a symmetric key', { jwks: { keys: [{ kty: 'oct', k: 's3cret' }] } }, /jwks must have public keys only/],
    ['a list of private keys', { jwks: [{ kty: 'EC', d: 's3cret' }] }, /jwks must be a JWK set/],
    ['a private key as JSON', { jwks: '{"keys":[{"kty":"EC","d":"s3cret"}]}' }, /jwks must be a JWK set/],
    ['a private key without a set', { jwks: { kty: 'EC', d: 's3cret' } }, /jwks must be a JWK set/],
    ['a private key beside the set', { jwks: { keys: [], d: 's3cret' } }, /jwks must have public keys only/],
    ['keys that are no list', { jwks: { keys: { 0: { kty: 'EC', d: 's3cret' } } } }, /jwks must be a JWK set/],
    ['a key that is none', { jwks: { keys: [null] } }, /jwks must be a JWK set/],
    ['a member of a wrong type', { grant_types: 'authorization_code' }, /grant_types must be an array of strings/],
    ['no ports in a list', { ports: [] }, /ports must be a non-empty array/],
    ['a random port', { ports: [0] }, /ports must be a non-empty array/],
    ['a port that does not exist', { ports: [65_536] }, /ports must be a non-empty array/],
    ['too many ports', { ports: Array.from({ length: 41 }, (_, port) => port + 1) }, /at most 40 ports, and has 41/],
    ['more than servers read', { logo_uri: `https://tool.example/${'a'.repeat(5200)}` }, /has 5\d{3} bytes/],
  ])('says that the document has %s, and shows no secret', (_, more, reason) => {
    const make = (): unknown => clientMetadataDocument({ ...members, ...more });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(reason);
    expect(make).not.toThrow(/s3cret/);
  });
});
