import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { deleteClient, readClient, registerClient, updateClient } from '@oa/registration';
import type { Client } from '@oa/types';
import { expect, it } from 'vitest';

const REMOTE = 'https://as.example';

/** A `fetch` that sends the requests for the remote server to `server`, and all others where they go. */
function fetchRemote(server: ScriptedServer): typeof globalThis.fetch {
  return async (input, init) => fetch((input as string).replace(REMOTE, server.origin), init);
}

/** Registers at a remote server that names `registration_client_uri`. */
async function registerRemotely(registration_client_uri: string): Promise<Client> {
  const registration = { client_id: 'c1', registration_access_token: 'rat', registration_client_uri };
  await using server = await startScriptedServer(() => ({ status: 201, json: registration }));
  const metadata = { issuer: REMOTE, token_endpoint: `${REMOTE}/token`, registration_endpoint: `${REMOTE}/register` };
  return await registerClient(metadata, {}, { fetch: fetchRemote(server) });
}

it.each(['http://127.0.0.1:PORT/shutdown', 'http://localhost:PORT/', 'http://[::1]:PORT/', 'http://api.example/'])(
  'refuses the address %s for the management of a client at a remote server (RFC 7592 section 3)',
  async (address) => {
    await using local = await startScriptedServer(() => ({ status: 204 }));
    const uri = address.replace('PORT', new URL(local.origin).port);
    const result = await rejectionOf(registerRemotely(uri).then(deleteClient));
    expect(result).toMatchObject({ code: 'invalid_response' });
    expect(local.requests).toEqual([]);
  },
);

it.each(['https://u:p@as.example/register/c1', 'https://as.example/\u0000\u202E'])(
  'refuses the address %j (RFC 7592 section 3)',
  async (address) => {
    expect((await rejectionOf(registerRemotely(address))).code).toBe('invalid_response');
  },
);

it('accepts an https address on another host, which the registration named (RFC 7592 section 3)', async () => {
  const uri = 'https://manage.as.example/c1';
  expect((await registerRemotely(uri)).registration_client_uri).toBe(uri);
});

it('refuses an address of another local port than that of a local server', async () => {
  await using victim = await startScriptedServer(() => ({ status: 204 }));
  const registration_client_uri = `${victim.origin}/shutdown`;
  const registration = { client_id: 'c1', registration_access_token: 'rat', registration_client_uri };
  await using server = await startScriptedServer(() => ({ status: 201, json: registration }));
  const { origin } = server;
  const metadata = { issuer: origin, token_endpoint: `${origin}/token`, registration_endpoint: `${origin}/register` };
  expect((await rejectionOf(registerClient(metadata, {}))).code).toBe('invalid_response');
  // A later answer can't move the address either.
  const client = { ...registration, registration_client_uri: `${origin}/register/c1` };
  expect((await rejectionOf(readClient(client))).code).toBe('invalid_response');
  expect((await rejectionOf(updateClient(client, {}))).code).toBe('invalid_response');
  expect(victim.requests).toEqual([]);
});

it.each([
  'data:application/json,{}',
  'javascript:alert(1)',
  'file:///etc/passwd',
  'blob:https://as.example/x',
  'ftp://as.example/',
])('sends nothing to %s, and rejects with a typed error', async (address) => {
  const client = { client_id: 'c1', registration_access_token: 'rat', registration_client_uri: address };
  for (const call of [() => readClient(client), () => updateClient(client, {}), () => deleteClient(client)])
    expect((await rejectionOf(call())).code).toBe('insecure_url');
  const metadata = { issuer: REMOTE, token_endpoint: `${REMOTE}/token`, registration_endpoint: address };
  expect((await rejectionOf(registerClient(metadata, {}))).code).toBe('insecure_url');
});
