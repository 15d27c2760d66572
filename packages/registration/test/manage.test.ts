import { inspect } from 'node:util';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import type { AuthorizationServer, Client } from '@oa/types';
import { expect, test } from 'vitest';
import { deleteClient, readClient, registerClient, updateClient } from '@oa/registration';

const client = (origin: string, more: Partial<Client> = {}): Client => ({
  client_id: 'c1',
  registration_client_uri: `${origin}/register/c1?own=1`,
  registration_access_token: 'rat-1',
  ...more,
});

test('D10: read asks the URL and with the token that the server issued', async () => {
  await using server = await startScriptedServer({
    '/register/c1': { json: { client_id: 'c1', client_name: 'Tool' } },
  });
  expect(await readClient(client(server.origin))).toEqual({ ...client(server.origin), client_name: 'Tool' });
  expect(server.requests).toMatchObject([
    { method: 'GET', url: '/register/c1?own=1', headers: { authorization: 'Bearer rat-1' } },
  ]);
});

test('D10: what the server replaced is what comes back, what it left out is kept', async () => {
  await using server = await startScriptedServer();
  const before = client(server.origin, { client_secret: 's1', client_secret_expires_at: 100, client_name: 'Old' });
  const answers: [Record<string, unknown>, Partial<Client>][] = [
    [
      { client_secret: 's2', client_secret_expires_at: '200', registration_access_token: 'rat-2' },
      { client_secret: 's2', client_secret_expires_at: 200, registration_access_token: 'rat-2' },
    ],
    [{ client_secret: 's2' }, { client_secret: 's2' }],
    [{}, { client_secret: 's1', client_secret_expires_at: 100 }],
    [{ token_endpoint_auth_method: 'none' }, { token_endpoint_auth_method: 'none' }],
    [
      { client_secret: null, registration_access_token: null },
      { client_secret: 's1', client_secret_expires_at: 100 },
    ],
  ];
  for (const [answer, expected] of answers) {
    server.script(() => ({ json: { client_id: 'c1', ...answer } }));
    expect(await readClient(before)).toEqual({ ...client(server.origin), ...expected });
  }
});

test('D10: update sends all metadata and the identity, and none of what a request must not hold', async () => {
  await using server = await startScriptedServer(() => ({ json: { client_id: 'c1', scope: 'narrower' } }));
  const before = client(server.origin, {
    client_secret: 's1',
    client_secret_expires_at: 0,
    client_id_issued_at: 1,
    client_name: 'Old',
  });
  const after = await updateClient(before, {
    ...before,
    client_name: 'New',
    client_id: 'other',
    client_secret: 'mine',
  });
  expect(after).toEqual({
    ...client(server.origin),
    client_secret: 's1',
    client_secret_expires_at: 0,
    scope: 'narrower',
  });
  expect(server.requests).toMatchObject([
    { method: 'PUT', headers: { authorization: 'Bearer rat-1', 'content-type': 'application/json' } },
  ]);
  expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({
    client_id: 'c1',
    client_secret: 's1',
    client_name: 'New',
  });
  await updateClient(client(server.origin), { client_secret: 'mine' });
  expect(JSON.parse(server.requests[1]?.body ?? '')).toEqual({ client_id: 'c1' });
});

test('D10: delete is done with any 2xx', async () => {
  for (const reply of [{ status: 204 }, { status: 200, json: { client_id: 'whatever' } }]) {
    await using server = await startScriptedServer(() => reply);
    expect(await deleteClient(client(server.origin))).toBeUndefined();
    expect(server.requests).toMatchObject([{ method: 'DELETE', headers: { authorization: 'Bearer rat-1' } }]);
  }
});

test.each<[string, Reply, object]>([
  ['401', { status: 401, json: { error: 'invalid_token' } }, { code: 'oauth_error', error: 'invalid_token' }],
  ['401 with nothing', { status: 401 }, { code: 'http_error', status: 401 }],
  ['404', { status: 404, body: 'PLANTED' }, { code: 'http_error', status: 404 }],
  ['405', { status: 405 }, { code: 'http_error' }],
  ['a redirect elsewhere', { status: 307, headers: { location: 'https://x.example/' } }, { code: 'redirect_refused' }],
])('%s is an error of read, update and delete', async (_name, reply, expected) => {
  await using server = await startScriptedServer(() => reply);
  const planted = client(server.origin, { client_secret: 'PLANTED', registration_access_token: 'PLANTED-RAT' });
  for (const call of [() => readClient(planted), () => updateClient(planted, {}), () => deleteClient(planted)]) {
    const error = await rejectionOf(call());
    expect(error).toMatchObject(expected);
    expect(inspect(error, { depth: 10, showHidden: true }) + JSON.stringify(error)).not.toContain('PLANTED');
  }
  expect(server.requests).toHaveLength(3);
});

test('an answer about another client is refused', async () => {
  await using server = await startScriptedServer(() => ({ json: { client_id: 'c2', client_secret: 'PLANTED' } }));
  for (const call of [() => readClient(client(server.origin)), () => updateClient(client(server.origin), {})]) {
    const error = await rejectionOf(call());
    expect(error).toMatchObject({ code: 'invalid_response' });
    expect(inspect(error, { showHidden: true })).not.toContain('PLANTED');
  }
});

test('without a URL or a token there is nothing to ask; metadata that is none is a TypeError', async () => {
  for (const missing of ['registration_client_uri', 'registration_access_token'] as const) {
    const { [missing]: _, ...rest } = client('https://as.example');
    for (const call of [() => readClient(rest), () => updateClient(rest, {}), () => deleteClient(rest)])
      expect(await rejectionOf(call())).toMatchObject({ code: 'endpoint_missing' });
  }
  await expect(updateClient(client('https://as.example'), [] as never)).rejects.toThrow(/^metadata/);
  const clear = client('http://as.example');
  expect(await rejectionOf(readClient(clear))).toMatchObject({ code: 'insecure_url' });
});

test('D10: a real server: register, read, update, delete, with the access token rotating', async () => {
  await using server = await startAuthorizationServer();
  const discovered = (await (
    await fetch(`${server.issuer}/.well-known/openid-configuration`)
  ).json()) as AuthorizationServer;
  const registered = await registerClient(discovered, {
    client_name: 'Tool',
    redirect_uris: ['http://127.0.0.1/callback'],
  });
  const read = await readClient(registered);
  expect(read).toMatchObject({ client_id: registered.client_id, client_name: 'Tool' });
  const updated = await updateClient(read, { ...read, client_name: 'Renamed' });
  expect(updated.client_name).toBe('Renamed');
  expect(updated.registration_access_token).not.toBe(read.registration_access_token);
  expect(await rejectionOf(readClient(read))).toMatchObject({ status: 401 });
  expect((await readClient(updated)).client_name).toBe('Renamed');
  await deleteClient(updated);
  expect(await rejectionOf(readClient(updated))).toMatchObject({ status: 401 });
});
