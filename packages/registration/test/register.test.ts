import { inspect } from 'node:util';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { type Reply, type ScriptedServer, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import type { AuthorizationServer } from '@oa/types';
import { expect, test } from 'vitest';
import { registerClient, type ClientMetadata } from '@oa/registration';

const NATIVE: ClientMetadata = { client_name: 'Tool', redirect_uris: ['http://127.0.0.1/callback'] };

const at = (server: ScriptedServer): AuthorizationServer => ({
  issuer: server.origin,
  token_endpoint: `${server.origin}/token`,
  registration_endpoint: `${server.origin}/register`,
});

const sent = (server: ScriptedServer): unknown => JSON.parse(server.requests.at(-1)?.body ?? '');

test('D11: a native client registers as a public one, with its metadata as JSON', async () => {
  await using server = await startScriptedServer({ '/register': { status: 201, json: { client_id: 'c1' } } });
  expect(await registerClient(at(server), { ...NATIVE, own: { a: [1] }, scope: undefined as never })).toEqual({
    client_id: 'c1',
  });
  expect(server.requests).toHaveLength(1);
  expect(server.requests[0]).toMatchObject({
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
  });
  expect(server.requests[0]?.headers.authorization).toBeUndefined();
  expect(sent(server)).toEqual({
    ...NATIVE,
    own: { a: [1] },
    application_type: 'native',
    token_endpoint_auth_method: 'none',
  });
});

test.each<[ClientMetadata, string | undefined]>([
  [{ token_endpoint_auth_method: 'client_secret_post' }, 'client_secret_post'],
  [{ application_type: 'web' }, undefined],
  [{ grant_types: ['client_credentials'] }, undefined],
  [{ grant_types: ['client_credentials'], token_endpoint_auth_method: 'client_secret_basic' }, 'client_secret_basic'],
  [{ grant_types: ['authorization_code', 'refresh_token'] }, 'none'],
])('D11: %j asks for the authentication method %s', async (metadata, method) => {
  await using server = await startScriptedServer({ '/register': { json: { client_id: 'c1' } } });
  await registerClient(at(server), metadata);
  expect(sent(server)).toEqual({
    application_type: 'native',
    ...metadata,
    ...(method !== undefined && { token_endpoint_auth_method: method }),
  });
});

test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
  [
    'a public client that was given a secret and another method',
    { client_secret: 's', token_endpoint_auth_method: 'client_secret_basic', client_secret_expires_at: 0 },
    { client_secret: 's', token_endpoint_auth_method: 'client_secret_basic', client_secret_expires_at: 0 },
  ],
  [
    'a public client that was given a secret and no method',
    { client_secret: 's', client_secret_expires_at: 1_700_000_000 },
    { client_secret: 's', client_secret_expires_at: 1_700_000_000 },
  ],
  [
    'numbers as strings',
    { client_secret_expires_at: '1900000000', client_id_issued_at: ' 1800000000 ' },
    { client_secret_expires_at: 1_900_000_000, client_id_issued_at: 1_800_000_000 },
  ],
  [
    'null members',
    {
      client_secret: null,
      client_secret_expires_at: null,
      redirect_uris: null,
      registration_client_uri: null,
      scope: null,
    },
    {},
  ],
  [
    'changed redirect URIs, grants and scope',
    { redirect_uris: ['http://localhost/cb'], grant_types: ['authorization_code'], scope: 'a', client_name: 'Renamed' },
    { redirect_uris: ['http://localhost/cb'], grant_types: ['authorization_code'], scope: 'a', client_name: 'Renamed' },
  ],
  ['members nobody knows', { tenant: { id: 7 }, __proto: 1 }, { tenant: { id: 7 }, __proto: 1 }],
  ['scopes as a list', { scope: ['a', 'b'] }, { scope: 'a b' }],
  [
    'a way to manage it',
    { registration_client_uri: 'https://as.example/register/c1', registration_access_token: 'rat' },
    { registration_client_uri: 'https://as.example/register/c1', registration_access_token: 'rat' },
  ],
])('D10: what the server returned is what comes back: %s', async (_name, answered, expected) => {
  for (const status of [200, 201]) {
    await using server = await startScriptedServer({ '/register': { status, json: { client_id: 'c1', ...answered } } });
    expect(await registerClient(at(server), NATIVE)).toEqual({ client_id: 'c1', ...expected });
  }
});

test.each(['invalid_redirect_uri', 'invalid_client_metadata', 'invalid_software_statement', 'access_denied'])(
  'D10: %s of the server is an oauth_error that says so',
  async (error) => {
    await using server = await startScriptedServer({
      '/register': { status: 400, json: { error, error_description: 'http://x is "not" fine\u001B[31m' } },
    });
    expect(await rejectionOf(registerClient(at(server), NATIVE))).toMatchObject({
      code: 'oauth_error',
      error,
      error_description: 'http://x is not fine[31m',
      status: 400,
      retryable: false,
    });
    expect(server.requests).toHaveLength(1);
  },
);

test.each<[string, Reply, string]>([
  ['an answer without client_id', { status: 201, json: { client_secret: 'PLANTED' } }, 'invalid_response'],
  ['an empty client_id', { status: 201, json: { client_id: '', client_secret: 'PLANTED' } }, 'invalid_response'],
  ['a number as client_id', { status: 201, json: { client_id: 7, client_secret: 'PLANTED' } }, 'invalid_response'],
  ['nothing', { status: 201 }, 'invalid_json'],
  ['a page', { headers: { 'content-type': 'text/html' }, body: 'PLANTED' }, 'unexpected_content_type'],
  ['an error page', { status: 500, body: 'PLANTED' }, 'http_error'],
  ['service unavailable', { status: 503, body: 'PLANTED' }, 'http_error'],
  ['a redirect', { status: 307, headers: { location: '/elsewhere?PLANTED' } }, 'redirect_refused'],
  ['a connection that breaks', { drop: 'request' }, 'network_error'],
  ['an error in a 200', { json: { error: 'invalid_client_metadata', client_secret: 'PLANTED' } }, 'oauth_error'],
])('%s is an error without secrets, and the request is not repeated', async (_name, reply, code) => {
  await using server = await startScriptedServer(() => reply);
  const error = await rejectionOf(registerClient(at(server), NATIVE, { initialAccessToken: 'PLANTED-IAT' }));
  expect(error).toMatchObject({ code });
  expect(server.requests).toHaveLength(1);
  const shown = inspect(error, { depth: 10, showHidden: true }) + JSON.stringify(error) + error.message + error.stack;
  expect(shown).not.toContain('PLANTED');
});

test('the initial access token is sent as a Bearer token, and one that can not be is not shown', async () => {
  await using server = await startScriptedServer({ '/register': { json: { client_id: 'c1' } } });
  await registerClient(at(server), NATIVE, { initialAccessToken: 'iat-1' });
  expect(server.requests[0]?.headers.authorization).toBe('Bearer iat-1');
  expect(sent(server)).not.toHaveProperty('initialAccessToken');
  for (const initialAccessToken of ['', 'PLANTED\n', 'PLANTED x', 7 as never]) {
    const error: unknown = await registerClient(at(server), NATIVE, { initialAccessToken }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(TypeError);
    expect(inspect(error)).not.toContain('PLANTED');
  }
  expect(server.requests).toHaveLength(1);
});

test('a server without registration_endpoint, and one in the clear', async () => {
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  expect(await rejectionOf(registerClient(server, NATIVE))).toMatchObject({
    code: 'endpoint_missing',
    retryable: false,
  });
  const clear = { ...server, registration_endpoint: 'http://as.example/register' };
  expect(await rejectionOf(registerClient(clear, NATIVE, { initialAccessToken: 'x' }))).toMatchObject({
    code: 'insecure_url',
  });
});

test.each([
  undefined,
  null,
  'Tool',
  [],
  { redirect_uris: 'http://127.0.0.1/' },
  { redirect_uris: [7] },
  { grant_types: 'x' },
  { response_types: {} },
  { scope: ['a'] },
  { token_endpoint_auth_method: 7 },
  { application_type: true },
])('metadata %j is a TypeError', async (metadata) => {
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  await expect(registerClient(server, metadata as never)).rejects.toThrow(/^metadata/);
});

test('an abort ends it with the reason of the signal, a timeout with timeout', async () => {
  await using server = await startScriptedServer(() => ({ drop: 'never' }));
  const controller = new AbortController();
  const reason = new Error('enough');
  const registering = registerClient(at(server), NATIVE, { signal: controller.signal });
  await expect.poll(() => server.requests.length).toBe(1);
  controller.abort(reason);
  await expect(registering).rejects.toBe(reason);
  expect(await rejectionOf(registerClient(at(server), NATIVE, { timeout: 100 }))).toMatchObject({ code: 'timeout' });
});

test('D10: a real server registers a public native client, and refuses a redirect URI that is none', async () => {
  await using server = await startAuthorizationServer();
  const discovered = (await (
    await fetch(`${server.issuer}/.well-known/openid-configuration`)
  ).json()) as AuthorizationServer;
  const client = await registerClient(discovered, { ...NATIVE, grant_types: ['authorization_code', 'refresh_token'] });
  expect(client).toMatchObject({
    ...NATIVE,
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
  });
  expect(client.client_secret).toBeUndefined();
  const refused = await rejectionOf(registerClient(discovered, { redirect_uris: ['not a URL'] }));
  expect(refused).toMatchObject({ code: 'oauth_error', error: 'invalid_redirect_uri', status: 400 });
});
