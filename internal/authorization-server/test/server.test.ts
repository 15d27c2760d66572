import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { closeServer, listen } from '@oa-internal/testing/server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startAuthorizationServer, startProtectedApi, type AuthorizationServerHandle } from '../src/index.ts';

let server: AuthorizationServerHandle;
beforeAll(async () => {
  server = await startAuthorizationServer();
});
afterAll(() => server.close());

type Json = Record<string, unknown>;

/** What a client sends that wants a refresh token (OpenID Connect Core section 11). */
const offline = { scope: 'openid offline_access read', prompt: 'consent' };

async function post(path: string, form: Record<string, string>, headers: Record<string, string> = {}) {
  const response = await fetch(server.issuer + path, { method: 'POST', body: new URLSearchParams(form), headers });
  const text = await response.text();
  return { status: response.status, json: (text === '' ? {} : JSON.parse(text)) as Json };
}

/** Logs in as a native client does, and resolves to the query of the callback and the verifier. */
async function login(extra: Record<string, string> = {}, choice = {}, host: '127.0.0.1' | '::1' = '127.0.0.1') {
  const arrived: URLSearchParams[] = [];
  const receiver = createServer((request, response) => {
    arrived.push(new URL(request.url ?? '/', 'http://x').searchParams);
    response.end('done');
  });
  const origin = await listen(receiver, host);
  const code_verifier = randomBytes(32).toString('base64url');
  const parameters = new URLSearchParams({
    response_type: 'code',
    client_id: server.public.client_id,
    redirect_uri: `${origin}/callback`,
    state: 'a state',
    code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...extra,
  });
  try {
    const response = await server.logIn(`${server.issuer}/authorize?${parameters.toString()}`, choice);
    expect(await response.text()).toBe('done');
  } finally {
    await closeServer(receiver);
  }
  expect(arrived).toHaveLength(1);
  return { callback: arrived[0] ?? new URLSearchParams(), code_verifier, redirect_uri: `${origin}/callback` };
}

async function exchange(done: Awaited<ReturnType<typeof login>>, extra: Record<string, string> = {}) {
  return post('/token', {
    grant_type: 'authorization_code',
    client_id: extra.client_id ?? server.public.client_id,
    code: done.callback.get('code') ?? '',
    code_verifier: done.code_verifier,
    redirect_uri: done.redirect_uri,
    ...extra,
  });
}

/** Sends a registration request (RFC 7591, 7592). */
async function sendRegistration(method: string, url: string, body?: Json, token?: unknown) {
  const response = await fetch(url, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(typeof token === 'string' ? { authorization: `Bearer ${token}` } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  return { status: response.status, json: (text === '' ? {} : JSON.parse(text)) as Json };
}

const refresh = (refresh_token: unknown) =>
  post('/token', {
    grant_type: 'refresh_token',
    client_id: server.public.client_id,
    refresh_token: String(refresh_token),
  });

it('publishes its metadata at both well-known addresses (RFC 8414 section 3)', async () => {
  for (const name of ['oauth-authorization-server', 'openid-configuration']) {
    const metadata = (await (await fetch(`${server.issuer}/.well-known/${name}`)).json()) as Json;
    expect(metadata).toMatchObject({
      issuer: server.issuer,
      token_endpoint: `${server.issuer}/token`,
      registration_endpoint: `${server.issuer}/register`,
      device_authorization_endpoint: `${server.issuer}/device_authorization`,
      revocation_endpoint: `${server.issuer}/revoke`,
      authorization_response_iss_parameter_supported: true,
      code_challenge_methods_supported: ['S256'],
    });
  }
});

it('gives the confidential client a token with Basic and with the secret in the body, and counts the requests', async () => {
  const { client_id, client_secret } = server.confidential;
  const encoded = [client_id, client_secret].map((part) => new URLSearchParams({ '': part }).toString().slice(1));
  const before = server.count('/token', 'client_credentials');
  const basic = await post(
    '/token',
    { grant_type: 'client_credentials', scope: 'read' },
    { authorization: `Basic ${Buffer.from(encoded.join(':')).toString('base64')}` },
  );
  const form = await post('/token', { grant_type: 'client_credentials', client_id, client_secret });
  const wrong = await post('/token', { grant_type: 'client_credentials', client_id, client_secret: 'wrong' });
  expect(basic).toMatchObject({ status: 200, json: { token_type: 'Bearer', expires_in: 3600, scope: 'read' } });
  expect(form.status).toBe(200);
  expect(wrong).toMatchObject({ status: 401, json: { error: 'invalid_client' } });
  expect(server.count('/token', 'client_credentials') - before).toBe(3);
  expect(server.requests.slice(-3).map((one) => one.status)).toEqual([200, 200, 401]);
});

it.each(['127.0.0.1', '::1'] as const)(
  'lets a native client log in with a redirect to %s, and refresh',
  async (host) => {
    const done = await login({ ...offline, scope: 'offline_access read write' }, {}, host);
    expect(done.callback.get('iss')).toBe(server.issuer);
    expect(done.callback.get('state')).toBe('a state');
    const token = await exchange(done);
    expect(token).toMatchObject({
      status: 200,
      json: { scope: 'offline_access read write', refresh_token: expect.any(String) },
    });
    const next = await refresh(token.json.refresh_token);
    expect(next.status).toBe(200);
    expect(next.json.refresh_token).not.toBe(token.json.refresh_token);
  },
);

it('revokes the grant when a refresh token is used twice (RFC 9700 section 4.14.2)', async () => {
  const token = await exchange(await login(offline));
  const next = await refresh(token.json.refresh_token);
  expect(await server.introspect(String(next.json.access_token))).toEqual({
    client_id: server.public.client_id,
    sub: server.user.login,
    scope: offline.scope,
  });
  expect(await refresh(token.json.refresh_token)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } });
  expect(await refresh(next.json.refresh_token)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } });
  expect(await server.introspect(String(next.json.access_token))).toBeUndefined();
});

it('treats two uses of a refresh token at the same time as a reuse', async () => {
  const token = await exchange(await login(offline));
  const answers = await Promise.all([1, 2, 3].map(() => refresh(token.json.refresh_token)));
  const survivors = answers.filter((answer) => answer.status === 200);
  expect(survivors.length).toBeLessThanOrEqual(1);
  for (const { json } of survivors) expect((await refresh(json.refresh_token)).status).toBe(400);
});

it('lets a user deny the access', async () => {
  const done = await login({}, { deny: true });
  expect(done.callback.get('error')).toBe('access_denied');
  expect(done.callback.get('iss')).toBe(server.issuer);
});

it('refuses an unknown scope, and drops it from others', async () => {
  const done = await login({ scope: 'everything' });
  expect(done.callback.get('error')).toBe('invalid_scope');
  expect((await exchange(await login({ scope: 'read everything' }))).json.scope).toBe('read');
});

it('issues a refresh token for offline_access with prompt=consent only (OpenID Connect Core section 11)', async () => {
  expect((await exchange(await login(offline))).json).toMatchObject({
    scope: 'openid offline_access read',
    refresh_token: expect.any(String),
    id_token: expect.any(String),
  });
  const { prompt, ...silent } = offline;
  const withoutPrompt = await exchange(await login(silent));
  expect([prompt, withoutPrompt.json.scope]).toEqual(['consent', 'openid read']);
  expect(withoutPrompt.json).not.toHaveProperty('refresh_token');
  expect((await exchange(await login({ scope: 'read', prompt }))).json).not.toHaveProperty('refresh_token');
});

it('fills in the account that login_hint names (OpenID Connect Core section 3.1.2.1)', async () => {
  const subjects: unknown[] = [];
  for (const login_hint of ['grace', 'ada', 'unknown']) {
    const token = await exchange(await login({ scope: 'openid', login_hint }));
    subjects.push((await server.introspect(String(token.json.access_token)))?.sub);
  }
  expect(subjects).toEqual(['grace', 'ada', 'ada']);
});

it('says why a login cannot redirect', async () => {
  await expect(login({ client_id: 'unknown' })).rejects.toThrow('invalid_client');
});

it.each([
  [false, { status: 200, json: { refresh_token: expect.any(String), scope: offline.scope } }],
  [true, { status: 400, json: { error: 'access_denied' } }],
])('supports the device flow, denied: %s (RFC 8628)', async (deny, end) => {
  const client_id = server.public.client_id;
  const started = await post('/device_authorization', { client_id, scope: offline.scope });
  const poll = () =>
    post('/token', {
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      client_id,
      device_code: String(started.json.device_code),
    });
  expect((await poll()).json.error).toBe('authorization_pending');
  await server.approveDevice(String(started.json.verification_uri_complete), { deny });
  expect(await poll()).toMatchObject(end);
});

it('registers, reads, updates and deletes a client that can log in (RFC 7591, 7592)', async () => {
  const metadata = {
    client_name: 'Registered <here>',
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: ['http://127.0.0.1/callback'],
  };
  const made = await sendRegistration('POST', `${server.issuer}/register`, metadata);
  expect(made.status).toBe(201);
  const { registration_client_uri, registration_access_token, ...client } = made.json;
  const token = await exchange(await login({ ...offline, client_id: String(client.client_id) }), {
    client_id: String(client.client_id),
  });
  expect(token).toMatchObject({ status: 200, json: { refresh_token: expect.any(String) } });
  const uri = String(registration_client_uri);
  expect(await sendRegistration('GET', uri, undefined, registration_access_token)).toMatchObject({
    status: 200,
    json: client,
  });
  const { client_id_issued_at: _, client_secret_expires_at: __, ...rest } = client;
  const updated = await sendRegistration('PUT', uri, { ...rest, client_name: 'Renamed' }, registration_access_token);
  expect(updated).toMatchObject({ status: 200, json: { client_name: 'Renamed' } });
  const current = updated.json.registration_access_token ?? registration_access_token;
  expect((await sendRegistration('DELETE', uri, undefined, current)).status).toBe(204);
  expect((await sendRegistration('GET', uri, undefined, current)).status).toBe(401);
});

it('revokes a refresh token and its grant (RFC 7009)', async () => {
  const token = await exchange(await login(offline));
  const revoked = await post('/revoke', {
    client_id: server.public.client_id,
    token: String(token.json.refresh_token),
    token_type_hint: 'refresh_token',
  });
  expect(revoked.status).toBe(200);
  expect((await refresh(token.json.refresh_token)).json.error).toBe('invalid_grant');
  expect(await server.introspect(String(token.json.access_token))).toBeUndefined();
});

it('protects an API that accepts tokens for itself or without an audience, and no others (RFC 9700 section 2.3)', async () => {
  const api = await startProtectedApi(server);
  const { client_id, client_secret } = server.confidential;
  const ask = async (resource?: string) => {
    const token = await post('/token', {
      grant_type: 'client_credentials',
      client_id,
      client_secret,
      scope: 'read',
      ...(resource === undefined ? {} : { resource }),
    });
    return fetch(api.url, { headers: { authorization: `Bearer ${String(token.json.access_token)}` } });
  };
  try {
    for (const resource of [undefined, api.url, server.resource]) {
      const response = await ask(resource);
      expect([response.status, await response.json()]).toEqual([200, { hello: client_id, scope: 'read' }]);
    }
    const other = await ask('http://127.0.0.1:1/other');
    expect([other.status, other.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('invalid_token'),
    ]);
    const none = await fetch(api.url);
    const challenge = none.headers.get('www-authenticate') ?? '';
    const metadata = await (await fetch(/resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? '')).json();
    expect(metadata).toMatchObject({ resource: api.url, authorization_servers: [server.issuer] });
    expect(api.requests.map((one) => one.status)).toEqual([200, 200, 200, 401, 401, 200]);
  } finally {
    await api.close();
  }
  const refused = await post('/token', {
    grant_type: 'client_credentials',
    client_id,
    client_secret,
    resource: 'https://elsewhere.test/',
  });
  expect(refused.json.error).toBe('invalid_target');
});

it('can drop all access tokens, and keeps the refresh tokens', async () => {
  const token = await exchange(await login(offline));
  server.dropAccessTokens();
  expect(await server.introspect(String(token.json.access_token))).toBeUndefined();
  expect((await refresh(token.json.refresh_token)).status).toBe(200);
});

it('issues access tokens with the lifetime that was set', async () => {
  await using short = await startAuthorizationServer({ host: '::1', accessTokenTtl: 7 });
  const { client_id, client_secret } = short.confidential;
  const body = () => new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret });
  const lifetime = async () =>
    ((await (await fetch(`${short.issuer}/token`, { method: 'POST', body: body() })).json()) as Json).expires_in;
  expect(await lifetime()).toBe(7);
  short.setAccessTokenTtl(9);
  expect(await lifetime()).toBe(9);
});
