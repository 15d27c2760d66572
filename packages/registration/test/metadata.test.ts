import { startScriptedServer } from '@oa-internal/scripted-server';
import type { Client } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { registerClient, updateClient, type ClientMetadata } from '@oa/registration';

const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
const registered: Client = {
  client_id: 'c1',
  registration_client_uri: 'https://as.example/register/c1',
  registration_access_token: 'rat-1',
};

const WRONG = [
  undefined,
  null,
  'Tool',
  [],
  { redirect_uris: 'http://127.0.0.1/' },
  { redirect_uris: [7] },
  { grant_types: 'x' },
  { response_types: {} },
  { contacts: 'a@b.example' },
  { scope: ['a'] },
  { token_endpoint_auth_method: 7 },
  { application_type: true },
  { client_name: 5 },
  { client_name: null },
  { client_uri: 5 },
  { logo_uri: {} },
  { software_id: 5 },
  { software_version: 1 },
  { software_statement: [] },
  { jwks: 'keys' },
  { jwks: { kty: 'EC' } },
  { jwks: { keys: ['key'] } },
].map((metadata): [unknown] => [metadata]);

describe('the metadata of a new client', () => {
  it.each(WRONG)('is a TypeError if it is %j', async (metadata) => {
    await expect(registerClient(server, metadata as ClientMetadata)).rejects.toThrow(/^metadata.* must be /);
  });

  it.each(['client_id', 'client_secret', 'registration_access_token'])(
    'is a TypeError that does not show the value if it has %s, which only the server issues (RFC 7591 section 3.2.1)',
    async (name) => {
      const registering = registerClient(server, { [name]: 'PLANTED' });
      const error: unknown = await registering.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(TypeError);
      expect((error as TypeError).message).toMatch(new RegExp(`^metadata\\.${name} must not be set.*updateClient`));
      expect((error as TypeError).message).not.toContain('PLANTED');
    },
  );

  it.each(['d', 'p', 'k'])('is a TypeError if its jwks has the private member %s, which stays here', async (name) => {
    const jwks = { keys: [{ kty: 'EC', crv: 'P-256', [name]: 'PLANTED' }] };
    const error: unknown = await registerClient(server, { jwks }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as TypeError).message).toBe(
      'metadata.jwks must have public keys only: the server would have the private key.',
    );
    const updating = updateClient(registered, { ...registered, jwks });
    await expect(updating).rejects.toThrow(/^metadata\.jwks must have public keys only/);
  });

  it('has types that refuse what the server issues, and members of the wrong type', () => {
    const metadata: ClientMetadata[] = [
      { client_name: undefined, redirect_uris: undefined, scope: undefined, client_id: undefined, own: 5 },
      // @ts-expect-error only the server issues it
      { client_id: 'c' },
      // @ts-expect-error only the server issues it
      { client_secret: 's' },
      // @ts-expect-error only the server issues it
      { registration_access_token: 't' },
      // @ts-expect-error not a string
      { client_name: 5 },
      // @ts-expect-error a registered client
      registered,
    ];
    expect(metadata).toHaveLength(6);
  });
});

describe('the metadata of an update', () => {
  it.each(WRONG)('is a TypeError if it is %j', async (metadata) => {
    await expect(updateClient(registered, metadata as ClientMetadata)).rejects.toThrow(/^metadata.* must be /);
  });

  it('may be the registered client with changes, with any value that the server returned for members that it does not know', async () => {
    await using manager = await startScriptedServer(() => ({ json: { client_id: 'c1' } }));
    const client: Client = {
      ...registered,
      registration_client_uri: `${manager.origin}/register/c1`,
      client_secret: 's1',
      client_name: null,
      logo_uri: 5,
      contacts: 'a@b.example',
    };
    await updateClient(client, { ...client, scope: 'a' });
    expect(JSON.parse(manager.requests[0]?.body ?? '')).toEqual({
      client_id: 'c1',
      client_secret: 's1',
      client_name: null,
      logo_uri: 5,
      contacts: 'a@b.example',
      scope: 'a',
    });
    await expect(updateClient(client, { ...client, logo_uri: 6 })).rejects.toThrow('metadata.logo_uri must be');
  });
});
