import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { userInfo } from '@oa/identity';
import type { Token } from '@oa/types';
import { expect, it } from 'vitest';
import { ACCESS_TOKEN, claimsOf, startProvider, tokenWithParts } from './provider.ts';

const withoutIdToken: Token = { access_token: ACCESS_TOKEN, token_type: 'Bearer' };

it('asks a server without ID tokens', async () => {
  await using provider = await startProvider([], { '/userinfo': () => ({ json: { sub: '1', email: 'a@b.example' } }) });
  expect(await userInfo(provider.server, withoutIdToken)).toEqual({ sub: '1', email: 'a@b.example' });
});

it('compares the user with an ID token that is expired (OpenID Connect Core section 5.3.2)', async () => {
  await using provider = await startProvider([], { '/userinfo': () => ({ json: { sub: 'PLANTED-SUB' } }) });
  const expired = (sub: string): Token =>
    tokenWithParts({ alg: 'ES256' }, claimsOf(provider.server.issuer, { exp: 1, sub }));
  expect(await userInfo(provider.server, expired('PLANTED-SUB'))).toEqual({ sub: 'PLANTED-SUB' });
  const error = await rejectionOf(userInfo(provider.server, expired('another')));
  expect(error).toMatchObject({ code: 'invalid_id_token', message: expect.stringContaining('another user') });
  expect(inspectAll(error)).not.toContain('PLANTED');
});

it('sends no request for an ID token that can not be compared', async () => {
  await using provider = await startProvider([], { '/userinfo': () => ({ json: { sub: '1' } }) });
  const token = { ...withoutIdToken, id_token: 'PLANTED' };
  expect(await rejectionOf(userInfo(provider.server, token))).toMatchObject({ code: 'invalid_id_token' });
  const nameless = tokenWithParts({ alg: 'ES256' }, {});
  expect(await rejectionOf(userInfo(provider.server, nameless))).toMatchObject({ code: 'invalid_id_token' });
  expect(provider.scripted.requestsTo('/userinfo')).toHaveLength(1);
});

it.each([
  ['invalid_response', { json: { email: 'a@b.example' } }],
  ['invalid_response', { json: { sub: '' } }],
  ['invalid_response', { json: { sub: 1 } }],
  ['invalid_response', { json: [{ sub: '1' }] }],
  ['unexpected_content_type', { body: 'e30.e30.AA', headers: { 'content-type': 'application/jwt' } }],
  ['http_error', { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }],
  ['oauth_error', { status: 401, json: { error: 'invalid_token', error_description: `${ACCESS_TOKEN} is expired` } }],
])('rejects with %s for %j', async (code, reply) => {
  await using provider = await startProvider([], { '/userinfo': () => reply });
  const error = await rejectionOf(userInfo(provider.server, withoutIdToken));
  expect(error).toMatchObject({ code });
  expect(inspectAll(error)).not.toContain(ACCESS_TOKEN);
});

it('sends the token to no other origin', async () => {
  await using other = await startProvider([], { '/userinfo': () => ({ json: { sub: '1' } }) });
  const location = `${other.scripted.origin}/userinfo`;
  await using provider = await startProvider([], { '/userinfo': () => ({ status: 302, headers: { location } }) });
  expect(await rejectionOf(userInfo(provider.server, withoutIdToken))).toMatchObject({ code: 'redirect_refused' });
  expect(other.scripted.requests).toEqual([]);
});

it('rejects with endpoint_missing where the server tells nothing about users', async () => {
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  expect(await rejectionOf(userInfo(server, withoutIdToken))).toMatchObject({ code: 'endpoint_missing' });
});

it.each(['', 'a b', 'a\nb', undefined])('rejects the access token %j with a TypeError', async (access_token) => {
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  await expect(userInfo(server, { access_token, token_type: 'Bearer' } as Token)).rejects.toThrow(TypeError);
});
