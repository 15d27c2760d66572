import { type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import type { Client } from '@oa/types';
import { expect, it } from 'vitest';
import { deleteClient, readClient, updateClient } from '@oa/registration';

const createClient = (origin: string, more: Partial<Client> = {}): Client => ({
  client_id: 'c1',
  registration_client_uri: `${origin}/register/c1?own=1`,
  registration_access_token: 'rat-1',
  ...more,
});

it('reads a client with the URL and the access token that the server issued (RFC 7592 section 2.1)', async () => {
  await using server = await startScriptedServer({
    '/register/c1': { json: { client_id: 'c1', client_name: 'Tool' } },
  });
  expect(await readClient(createClient(server.origin))).toEqual({
    ...createClient(server.origin),
    client_name: 'Tool',
  });
  expect(server.requests).toMatchObject([
    { method: 'GET', url: '/register/c1?own=1', headers: { authorization: 'Bearer rat-1' } },
  ]);
});

it('returns the credentials that the server replaced, and keeps those that it left out (RFC 7592 section 3)', async () => {
  await using server = await startScriptedServer();
  const before = createClient(server.origin, {
    client_secret: 's1',
    client_secret_expires_at: 100,
    client_name: 'Old',
  });
  const answers: [Record<string, unknown>, Partial<Client>][] = [
    [
      { client_secret: 's2', client_secret_expires_at: '200', registration_access_token: 'rat-2' },
      { client_secret: 's2', client_secret_expires_at: 200, registration_access_token: 'rat-2' },
    ],
    [{ client_secret: 's2' }, { client_secret: 's2' }],
    [{ client_secret: 's1' }, { client_secret: 's1', client_secret_expires_at: 100 }],
    [{}, { client_secret: 's1', client_secret_expires_at: 100 }],
    [{ token_endpoint_auth_method: 'none' }, { token_endpoint_auth_method: 'none' }],
    [
      { client_secret: null, registration_access_token: null },
      { client_secret: 's1', client_secret_expires_at: 100 },
    ],
  ];
  for (const [answer, expected] of answers) {
    server.script(() => ({ json: { client_id: 'c1', ...answer } }));
    expect(await readClient(before)).toEqual({ ...createClient(server.origin), ...expected });
  }
});

it('updates with all metadata and the identity, without the members that a request must not have (RFC 7592 section 2.2)', async () => {
  await using server = await startScriptedServer(() => ({ json: { client_id: 'c1', scope: 'narrower' } }));
  const before = createClient(server.origin, {
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
    ...createClient(server.origin),
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
  await updateClient(createClient(server.origin), { client_id: 'other', client_secret: 'mine' });
  expect(JSON.parse(server.requests[1]?.body ?? '')).toEqual({ client_id: 'c1' });
});

it('accepts any 2xx for a deletion (RFC 7592 section 2.3)', async () => {
  for (const reply of [{ status: 204 }, { status: 200, json: { client_id: 'other' } }]) {
    await using server = await startScriptedServer(() => reply);
    expect(await deleteClient(createClient(server.origin))).toBeUndefined();
    expect(server.requests).toMatchObject([{ method: 'DELETE', headers: { authorization: 'Bearer rat-1' } }]);
  }
});

it.each<[string, Reply, object]>([
  ['a 401', { status: 401, json: { error: 'invalid_token' } }, { code: 'oauth_error', error: 'invalid_token' }],
  ['a 401 without a body', { status: 401 }, { code: 'http_error', status: 401 }],
  ['a 404', { status: 404, body: '<p>PLANTED</p>' }, { code: 'http_error', status: 404 }],
  ['a 405', { status: 405 }, { code: 'http_error' }],
  [
    'a redirect to another origin',
    { status: 307, headers: { location: 'https://x.example/' } },
    { code: 'redirect_refused' },
  ],
])('rejects reading, updating and deleting after %s, without secrets', async (_name, reply, expected) => {
  await using server = await startScriptedServer(() => reply);
  const planted = createClient(server.origin, { client_secret: 'PLANTED', registration_access_token: 'PLANTED-RAT' });
  for (const call of [() => readClient(planted), () => updateClient(planted, {}), () => deleteClient(planted)]) {
    const error = await rejectionOf(call());
    expect(error).toMatchObject(expected);
    expect(inspectAll(error)).not.toContain('PLANTED');
  }
  expect(server.requests).toHaveLength(3);
});

it('refuses a response about another client', async () => {
  await using server = await startScriptedServer(() => ({ json: { client_id: 'c2', client_secret: 'PLANTED' } }));
  for (const call of [
    () => readClient(createClient(server.origin)),
    () => updateClient(createClient(server.origin), {}),
  ]) {
    const error = await rejectionOf(call());
    expect(error).toMatchObject({ code: 'invalid_response' });
    expect(inspectAll(error)).not.toContain('PLANTED');
  }
});

it('rejects a client without a URL or an access token, invalid metadata and a plain http URL before a request is sent', async () => {
  for (const missing of ['registration_client_uri', 'registration_access_token'] as const) {
    const { [missing]: _, ...rest } = createClient('https://as.example');
    for (const call of [() => readClient(rest), () => updateClient(rest, {}), () => deleteClient(rest)])
      expect(await rejectionOf(call())).toMatchObject({ code: 'endpoint_missing' });
  }
  await expect(updateClient(createClient('https://as.example'), [] as never)).rejects.toThrow(/^metadata/);
  const clear = createClient('http://as.example');
  expect(await rejectionOf(readClient(clear))).toMatchObject({ code: 'insecure_url' });
});
