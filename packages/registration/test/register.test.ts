import { type Reply, type ScriptedServer, startScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import type { AuthorizationServer } from '@oa/types';
import { expect, it } from 'vitest';
import { registerClient, type ClientMetadata } from '@oa/registration';

const NATIVE: ClientMetadata = { client_name: 'Tool', redirect_uris: ['http://127.0.0.1/callback'] };

const metadataOf = (server: ScriptedServer): AuthorizationServer => ({
  issuer: server.origin,
  token_endpoint: `${server.origin}/token`,
  registration_endpoint: `${server.origin}/register`,
});

const sentTo = (server: ScriptedServer): unknown => JSON.parse(server.requests.at(-1)?.body ?? '');

it('registers a native client as a public one, with its metadata as JSON (RFC 8252 section 8.4)', async () => {
  await using server = await startScriptedServer({ '/register': { status: 201, json: { client_id: 'c1' } } });
  expect(await registerClient(metadataOf(server), { ...NATIVE, own: { a: [1] }, scope: undefined })).toEqual({
    client_id: 'c1',
  });
  expect(server.requests).toHaveLength(1);
  expect(server.requests[0]).toMatchObject({
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
  });
  expect(server.requests[0]?.headers.authorization).toBeUndefined();
  expect(sentTo(server)).toEqual({
    ...NATIVE,
    own: { a: [1] },
    application_type: 'native',
    token_endpoint_auth_method: 'none',
  });
});

it.each<[ClientMetadata, string | undefined]>([
  [{ token_endpoint_auth_method: 'client_secret_post' }, 'client_secret_post'],
  [{ application_type: 'web' }, undefined],
  [{ grant_types: ['client_credentials'] }, undefined],
  [{ grant_types: ['client_credentials'], token_endpoint_auth_method: 'client_secret_basic' }, 'client_secret_basic'],
  [{ grant_types: ['authorization_code', 'refresh_token'] }, 'none'],
])('sends the metadata %j with the authentication method %s (RFC 8252 section 8.4)', async (metadata, method) => {
  await using server = await startScriptedServer({ '/register': { json: { client_id: 'c1' } } });
  await registerClient(metadataOf(server), metadata);
  expect(sentTo(server)).toEqual({
    application_type: 'native',
    ...metadata,
    ...(method !== undefined && { token_endpoint_auth_method: method }),
  });
});

it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
  [
    'a public client that receives a secret and another method',
    { client_secret: 's', token_endpoint_auth_method: 'client_secret_basic', client_secret_expires_at: 0 },
    { client_secret: 's', token_endpoint_auth_method: 'client_secret_basic', client_secret_expires_at: 0 },
  ],
  [
    'a public client that receives a secret and no method',
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
    'changed ports, grants and scope',
    {
      redirect_uris: ['http://127.0.0.1:8400/callback'],
      grant_types: ['authorization_code'],
      scope: 'a',
      client_name: 'Renamed',
    },
    {
      redirect_uris: ['http://127.0.0.1:8400/callback'],
      grant_types: ['authorization_code'],
      scope: 'a',
      client_name: 'Renamed',
    },
  ],
  ['unknown members', { tenant: { id: 7 }, __proto: 1 }, { tenant: { id: 7 }, __proto: 1 }],
  ['scopes as a list', { scope: ['a', 'b'] }, { scope: 'a b' }],
  [
    'the URL and the access token of its management',
    { registration_client_uri: 'https://as.example/register/c1', registration_access_token: 'rat' },
    { registration_client_uri: 'https://as.example/register/c1', registration_access_token: 'rat' },
  ],
])('returns what the server registered (RFC 7591 section 3.2.1): %s', async (_name, answered, expected) => {
  for (const status of [200, 201]) {
    await using server = await startScriptedServer({ '/register': { status, json: { client_id: 'c1', ...answered } } });
    expect(await registerClient(metadataOf(server), NATIVE)).toEqual({ client_id: 'c1', ...expected });
  }
});

it.each(['invalid_redirect_uri', 'invalid_client_metadata', 'invalid_software_statement', 'access_denied'])(
  'rejects with an oauth_error that names %s (RFC 7591 section 3.2.2)',
  async (error) => {
    await using server = await startScriptedServer({
      '/register': { status: 400, json: { error, error_description: 'http://x is "not" fine\u001B[31m' } },
    });
    expect(await rejectionOf(registerClient(metadataOf(server), NATIVE))).toMatchObject({
      code: 'oauth_error',
      error,
      error_description: 'http://x is not fine[31m',
      status: 400,
      retryable: false,
    });
    expect(server.requests).toHaveLength(1);
  },
);

it.each<[string, Reply, string]>([
  ['a response without client_id', { status: 201, json: { client_secret: 'PLANTED' } }, 'invalid_response'],
  ['an empty client_id', { status: 201, json: { client_id: '', client_secret: 'PLANTED' } }, 'invalid_response'],
  ['a number as client_id', { status: 201, json: { client_id: 7, client_secret: 'PLANTED' } }, 'invalid_response'],
  ['an empty response', { status: 201 }, 'invalid_json'],
  ['a web page', { headers: { 'content-type': 'text/html' }, body: 'PLANTED' }, 'unexpected_content_type'],
  ['an error page', { status: 500, body: '<p>PLANTED</p>' }, 'http_error'],
  ['a 503', { status: 503, body: '<p>PLANTED</p>' }, 'http_error'],
  ['a redirect', { status: 307, headers: { location: '/elsewhere?PLANTED' } }, 'redirect_refused'],
  ['a broken connection', { drop: 'request' }, 'network_error'],
  ['an error in a 200', { json: { error: 'invalid_client_metadata', client_secret: 'PLANTED' } }, 'oauth_error'],
])('sends the request once, and rejects without secrets, after %s', async (_name, reply, code) => {
  await using server = await startScriptedServer(() => reply);
  const error = await rejectionOf(registerClient(metadataOf(server), NATIVE, { initialAccessToken: 'PLANTED-IAT' }));
  expect(error).toMatchObject({ code });
  expect(server.requests).toHaveLength(1);
  expect(inspectAll(error)).not.toContain('PLANTED');
});

it('sends the initial access token as a Bearer token, and does not show one that is invalid (RFC 7591 section 3)', async () => {
  await using server = await startScriptedServer({ '/register': { json: { client_id: 'c1' } } });
  await registerClient(metadataOf(server), NATIVE, { initialAccessToken: 'iat-1' });
  expect(server.requests[0]?.headers.authorization).toBe('Bearer iat-1');
  expect(sentTo(server)).not.toHaveProperty('initialAccessToken');
  for (const initialAccessToken of ['', 'PLANTED\n', 'PLANTED x', 7 as never]) {
    const error: unknown = await registerClient(metadataOf(server), NATIVE, { initialAccessToken }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(TypeError);
    expect(inspectAll(error)).not.toContain('PLANTED');
  }
  expect(server.requests).toHaveLength(1);
});

it('rejects a server without a registration_endpoint, and one with a plain http URL', async () => {
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  expect(await rejectionOf(registerClient(server, NATIVE))).toMatchObject({
    code: 'endpoint_missing',
    retryable: false,
  });
  const insecure = { ...server, registration_endpoint: 'http://as.example/register' };
  expect(await rejectionOf(registerClient(insecure, NATIVE, { initialAccessToken: 'x' }))).toMatchObject({
    code: 'insecure_url',
  });
});

it('rejects with the reason of the signal after an abort, and with timeout after a timeout', async () => {
  await using server = await startScriptedServer(() => ({ drop: 'never' }));
  const controller = new AbortController();
  const reason = new Error('enough');
  const registering = registerClient(metadataOf(server), NATIVE, { signal: controller.signal });
  await expect.poll(() => server.requests.length, { timeout: 20_000 }).toBe(1);
  controller.abort(reason);
  await expect(registering).rejects.toBe(reason);
  expect(await rejectionOf(registerClient(metadataOf(server), NATIVE, { timeout: 100 }))).toMatchObject({
    code: 'timeout',
  });
});
