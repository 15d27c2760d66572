import { type Reply, type ScriptedServer, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf, inspectAll } from '@oa-internal/testing';
import type { AuthorizationServer } from '@oa/types';
import { expect, it } from 'vitest';
import { revokeToken, type TokenEndpointOptions } from '@oa/token-endpoint';

const client = { client_id: 'c' };
const token = { access_token: 'the-at', token_type: 'Bearer', refresh_token: 'the-rt' };
const onlyAccess = { access_token: 'the-at', token_type: 'Bearer' };

function metadata({ origin }: { origin: string }, more: Partial<AuthorizationServer> = {}): AuthorizationServer {
  return { issuer: origin, token_endpoint: `${origin}/token`, revocation_endpoint: `${origin}/revoke`, ...more };
}

function sent(server: ScriptedServer): unknown[] {
  return server.requests.map(({ form }) => [form.get('token'), form.get('token_type_hint')]);
}

it.each<[string, Reply]>([
  ['200', {}],
  ['200 with an HTML page', { body: '<p>ok', headers: { 'content-type': 'text/html' } }],
  ['204', { status: 204 }],
  ['the 400 of Google for an unknown token', { status: 400, json: { error: 'invalid_token' } }],
])(
  'revokes the refresh token, then the access token, with hints, where the server answers %s (RFC 7009 section 2.1)',
  async (_, reply) => {
    await using server = await startScriptedServer({ '/revoke': reply });
    await revokeToken(metadata(server), client, token);
    expect(sent(server)).toEqual([
      ['the-rt', 'refresh_token'],
      ['the-at', 'access_token'],
    ]);
    expect(server.requests[0]?.form.get('client_id')).toBe('c');
    await revokeToken(metadata(server), client, onlyAccess);
    expect(server.requests).toHaveLength(3);
  },
);

it('authenticates as at the token endpoint, or by the methods that the metadata lists for this endpoint (RFC 8414 section 2)', async () => {
  await using server = await startScriptedServer({ '/revoke': {} });
  const confidential = { client_id: 'c', client_secret: 's' };
  await revokeToken(metadata(server), confidential, onlyAccess);
  const revocation_endpoint_auth_methods_supported = ['client_secret_post'];
  await revokeToken(metadata(server, { revocation_endpoint_auth_methods_supported }), confidential, onlyAccess);
  expect(server.requests[0]?.headers.authorization).toBe(`Basic ${btoa('c:s')}`);
  expect(server.requests[1]?.headers.authorization).toBeUndefined();
  expect(server.requests[1]?.form.get('client_secret')).toBe('s');
});

it('passes to a function the algorithms that the metadata lists for this endpoint, and goes where it says', async () => {
  await using server = await startScriptedServer({ '/mtls': {} });
  const lists: unknown[] = [];
  const authentication: TokenEndpointOptions['authentication'] = (request) => {
    lists.push(request.server.token_endpoint_auth_signing_alg_values_supported);
    return { url: `${server.origin}/mtls` };
  };
  const token_endpoint_auth_signing_alg_values_supported = ['RS256'];
  for (const revocation_endpoint_auth_signing_alg_values_supported of [['ES256'], ['EdDSA']]) {
    const both = {
      token_endpoint_auth_signing_alg_values_supported,
      revocation_endpoint_auth_signing_alg_values_supported,
    };
    await revokeToken(metadata(server, both), client, onlyAccess, { authentication });
  }
  await revokeToken(metadata(server, { token_endpoint_auth_signing_alg_values_supported }), client, onlyAccess, {
    authentication,
  });
  expect(lists).toEqual([['ES256'], ['EdDSA'], ['RS256']]);
  expect(server.requests.map(({ path }) => path)).toEqual(['/mtls', '/mtls', '/mtls']);
});

it('repeats after a 503, and then rejects with a retryable error (RFC 7009 section 2.2.1)', async () => {
  await using server = await startScriptedServer({ '/revoke': { status: 503 } });
  const error = await rejectionOf(revokeToken(metadata(server), client, token));
  expect(error).toMatchObject({ code: 'http_error', status: 503, retryable: true });
  expect(sent(server)).toEqual(Array.from({ length: 3 }, () => ['the-rt', 'refresh_token']));
  expect(inspectAll(error)).not.toContain('the-rt');
});

it.each<[string, Reply]>([
  ['unsupported_token_type', { status: 400, json: { error: 'unsupported_token_type' } }],
  ['invalid_request', { status: 400, json: { error: 'invalid_request' } }],
  ...[400, 401, 403, 404, 405, 410, 422].map((status): [string, Reply] => [`an empty ${status}`, { status }]),
  ['429', { status: 429, headers: { 'retry-after': '900' } }],
  ['a page', { status: 403, body: '<h1>No', headers: { 'content-type': 'text/html' } }],
])(
  'takes %s about the access token for done, after the refresh token is revoked (RFC 7009 section 2.2.1)',
  async (_, reply) => {
    await using server = await startScriptedServer(({ form }) => (form.get('token') === 'the-at' ? reply : {}));
    await revokeToken(metadata(server), client, token);
    expect(sent(server)).toEqual([
      ['the-rt', 'refresh_token'],
      ['the-at', 'access_token'],
    ]);
    expect(await rejectionOf(revokeToken(metadata(server), client, onlyAccess))).toMatchObject({
      status: reply.status,
    });
  },
);

it.each<[string, Reply]>([
  ['a refusal', { status: 400, json: { error: 'invalid_request' } }],
  ['an empty 401', { status: 401 }],
])('tells %s of the refresh token, and asks for nothing more', async (_, reply) => {
  await using server = await startScriptedServer(({ form }) => (form.get('token') === 'the-rt' ? reply : {}));
  expect(await rejectionOf(revokeToken(metadata(server), client, token))).toMatchObject({ status: reply.status });
  expect(sent(server)).toEqual([['the-rt', 'refresh_token']]);
});

it('tells a failure of the server that may pass, also after the refresh token is revoked', async () => {
  for (const reply of [{ status: 503 }, { drop: 'request' }] as const) {
    await using server = await startScriptedServer(({ form }) => (form.get('token') === 'the-at' ? reply : {}));
    expect(await rejectionOf(revokeToken(metadata(server), client, token))).toMatchObject({ retryable: true });
  }
});

it('sends nothing to a server without a revocation endpoint', async () => {
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  expect((await rejectionOf(revokeToken(server, client, token))).code).toBe('endpoint_missing');
  await expect(revokeToken(server, client, {} as typeof token)).rejects.toBeInstanceOf(TypeError);
});

it('says where the server has no revocation endpoint that its endpoints are guessed', async () => {
  const asked = ['https://as.example/.well-known/openid-configuration'];
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token', guessed_after: asked };
  expect((await rejectionOf(revokeToken(server, client, token))).message).toMatch(
    /^No metadata at https:\/\/as\.example\S+, so the conventional endpoints are guessed\. .* names no revocation_endpoint\./,
  );
});
