import { type Reply, type ScriptedServer, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf, inspectAll } from '@oa-internal/testing';
import type { AuthorizationServer } from '@oa/types';
import { expect, it } from 'vitest';
import { revokeToken } from '@oa/token-endpoint';

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
  ['200 with a page', { body: '<p>ok', headers: { 'content-type': 'text/html' } }],
  ['204', { status: 204 }],
  ["Google's 400 for an unknown one", { status: 400, json: { error: 'invalid_token' } }],
])('D9: the refresh token goes first, then the access token, with hints: %s', async (_, reply) => {
  await using server = await startScriptedServer({ '/revoke': reply });
  await revokeToken(metadata(server), client, token);
  expect(sent(server)).toEqual([
    ['the-rt', 'refresh_token'],
    ['the-at', 'access_token'],
  ]);
  expect(server.requests[0]?.form.get('client_id')).toBe('c');
  await revokeToken(metadata(server), client, onlyAccess);
  expect(server.requests).toHaveLength(3);
});

it('D9: the client authenticates as at the token endpoint, or as the metadata says for this one', async () => {
  await using server = await startScriptedServer({ '/revoke': {} });
  const confidential = { client_id: 'c', client_secret: 's' };
  await revokeToken(metadata(server), confidential, onlyAccess);
  const revocation_endpoint_auth_methods_supported = ['client_secret_post'];
  await revokeToken(metadata(server, { revocation_endpoint_auth_methods_supported }), confidential, onlyAccess);
  expect(server.requests[0]?.headers.authorization).toBe(`Basic ${btoa('c:s')}`);
  expect(server.requests[1]?.headers.authorization).toBeUndefined();
  expect(server.requests[1]?.form.get('client_secret')).toBe('s');
});

it('D9: 503 is tried again, and then reported as something that passes', async () => {
  await using server = await startScriptedServer({ '/revoke': { status: 503 } });
  const error = await rejectionOf(revokeToken(metadata(server), client, token));
  expect(error).toMatchObject({ code: 'http_error', status: 503, retryable: true });
  expect(sent(server)).toEqual(Array.from({ length: 3 }, () => ['the-rt', 'refresh_token']));
  expect(inspectAll(error)).not.toContain('the-rt');
});

it("D9: a server that can't revoke access tokens has revoked the refresh token", async () => {
  const unsupported = { status: 400, json: { error: 'unsupported_token_type' } };
  await using server = await startScriptedServer(({ form }) => (form.get('token') === 'the-at' ? unsupported : {}));
  await revokeToken(metadata(server), client, token);
  expect(server.requests).toHaveLength(2);
  expect(await rejectionOf(revokeToken(metadata(server), client, onlyAccess))).toMatchObject({
    code: 'oauth_error',
    error: 'unsupported_token_type',
  });
});

it('D9: other refusals of either are reported', async () => {
  const refused = { status: 400, json: { error: 'invalid_request' } };
  await using server = await startScriptedServer(({ form }) => (form.get('token') === 'the-at' ? refused : {}));
  expect((await rejectionOf(revokeToken(metadata(server), client, token))).error).toBe('invalid_request');
});

it('D9: a server without the endpoint says so before anything is sent', async () => {
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  expect((await rejectionOf(revokeToken(server, client, token))).code).toBe('endpoint_missing');
  await expect(revokeToken(server, client, {} as typeof token)).rejects.toBeInstanceOf(TypeError);
});
