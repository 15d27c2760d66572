import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { rejectionOf } from '@oa-internal/testing';
import type { AuthorizationServer } from '@oa/types';
import { expect, it } from 'vitest';
import { deleteClient, readClient, registerClient, updateClient, type ClientMetadata } from '@oa/registration';

const NATIVE: ClientMetadata = { client_name: 'Tool', redirect_uris: ['http://127.0.0.1/callback'] };

async function readMetadata(issuer: string): Promise<AuthorizationServer> {
  const response = await fetch(`${issuer}/.well-known/openid-configuration`);
  return (await response.json()) as AuthorizationServer;
}

it('registers a public native client at a real server, which refuses an invalid redirect URI (RFC 7591 section 3.2)', async () => {
  await using server = await startAuthorizationServer();
  const metadata = await readMetadata(server.issuer);
  const client = await registerClient(metadata, { ...NATIVE, grant_types: ['authorization_code', 'refresh_token'] });
  expect(client).toMatchObject({
    ...NATIVE,
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
  });
  expect(client.client_secret).toBeUndefined();
  const refused = await rejectionOf(registerClient(metadata, { redirect_uris: ['not a URL'] }));
  expect(refused).toMatchObject({ code: 'oauth_error', error: 'invalid_redirect_uri', status: 400 });
});

it('registers, reads, updates and deletes a client at a real server that rotates the access token (RFC 7592 section 2)', async () => {
  await using server = await startAuthorizationServer();
  const registered = await registerClient(await readMetadata(server.issuer), NATIVE);
  const read = await readClient(registered);
  expect(read).toMatchObject({ client_id: registered.client_id, client_name: 'Tool' });
  const updated = await updateClient(read, { ...read, client_name: 'Renamed' });
  expect(updated['client_name']).toBe('Renamed');
  expect(updated.registration_access_token).not.toBe(read.registration_access_token);
  expect(await rejectionOf(readClient(read))).toMatchObject({ status: 401 });
  expect((await readClient(updated))['client_name']).toBe('Renamed');
  await deleteClient(updated);
  expect(await rejectionOf(readClient(updated))).toMatchObject({ status: 401 });
});
