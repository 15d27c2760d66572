import * as v from 'valibot';
import { expect, test } from 'vitest';
import {
  authorizationServerSchema,
  clientSchema,
  protectedResourceSchema,
  tokenResponseSchema,
} from '@oa/types/schemas';

const minimal = { access_token: 'a', token_type: 'Bearer' };

test('C7: a token response keeps its unknown members as they came', () => {
  const body = { ...minimal, id_token: 'x', nested: { a: [1, null] }, nothing: null, empty: '' };
  expect(v.parse(tokenResponseSchema, body)).toEqual(body);
});

test.each([
  ['absent', undefined, undefined],
  ['zero', 0, 0],
  ['a numeric string', '3600', 3600],
  ['huge', 1e15, 1e15],
  ['null', null, undefined],
  ['not a number', 'soon', undefined],
  ['an object', {}, undefined],
])('C8: expires_in %s', (_, given, expected) => {
  expect(v.parse(tokenResponseSchema, { ...minimal, expires_in: given }).expires_in).toBe(expected);
});

test('a refresh token or scope that is null or empty counts as absent, an array of scopes as a list', () => {
  const token = v.parse(tokenResponseSchema, { ...minimal, refresh_token: '', scope: null });
  expect(Object.keys(token)).toEqual(['access_token', 'token_type']);
  expect(v.parse(tokenResponseSchema, { ...minimal, scope: ['a', 'b'] }).scope).toBe('a b');
});

test.each([[null], [[]], ['text'], [1], [{}], [{ access_token: '' }], [{ access_token: 1, token_type: 'Bearer' }]])(
  'a token response without an access token is refused: %j',
  (body) => {
    expect(v.is(tokenResponseSchema, body)).toBe(false);
  },
);

test('a missing token_type is left to the token endpoint to judge', () => {
  expect(v.parse(tokenResponseSchema, { access_token: 'a' }).token_type).toBe('');
});

test('metadata: unknown members are kept, null counts as absent, an endpoint that is not an http(s) URL is refused', () => {
  const body = { issuer: 'https://a', token_endpoint: 'https://a/token', op_tos_uri: 'x', nothing: null };
  expect(v.parse(authorizationServerSchema, { ...body, registration_endpoint: null, scopes_supported: null })).toEqual(
    body,
  );
  expect(v.is(authorizationServerSchema, { ...body, registration_endpoint: 'javascript:alert(1)' })).toBe(false);
  expect(v.is(authorizationServerSchema, { ...body, token_endpoint: '/token' })).toBe(false);
  expect(v.is(authorizationServerSchema, { issuer: 'https://a' })).toBe(false);
  expect(v.is(authorizationServerSchema, { ...body, scopes_supported: 'a b' })).toBe(false);
});

test('protected resource metadata needs its resource', () => {
  expect(v.is(protectedResourceSchema, { resource: 'https://r', authorization_servers: null, more: 1 })).toBe(true);
  expect(v.is(protectedResourceSchema, { authorization_servers: [] })).toBe(false);
});

test('D10: a registration keeps what the server returned; numbers may be strings, members may be null', () => {
  const body = {
    client_id: 'c',
    client_secret: null,
    client_secret_expires_at: '0',
    redirect_uris: null,
    tenant: { id: 1 },
  };
  expect(v.parse(clientSchema, body)).toEqual({ client_id: 'c', client_secret_expires_at: 0, tenant: { id: 1 } });
  expect(v.is(clientSchema, { client_id: '' })).toBe(false);
});

test('a member named __proto__ changes no prototype', () => {
  const parsed = v.parse(
    tokenResponseSchema,
    JSON.parse('{"access_token":"a","token_type":"b","__proto__":{"polluted":1}}'),
  ) as { polluted?: number };
  expect(parsed.polluted).toBeUndefined();
});
