import { errorThrownBy, inspectAll } from '@oa-internal/testing';
import { assertIdTokenNonce } from '@oa/identity';
import { expect, it } from 'vitest';
import { ACCESS_TOKEN, NONCE, tokenWithParts } from './provider.ts';

it.each([
  ['the ID token of this login', tokenWithParts({ alg: 'RS256' }, { nonce: NONCE })],
  ['a token response without an ID token', { access_token: ACCESS_TOKEN, token_type: 'Bearer' }],
  ['an ID token that is null', { access_token: ACCESS_TOKEN, token_type: 'Bearer', id_token: null }],
  ['an ID token that is empty', { access_token: ACCESS_TOKEN, token_type: 'Bearer', id_token: '' }],
])('accepts %s', (_name, token) => {
  expect(() => assertIdTokenNonce(token, NONCE)).not.toThrow();
});

it.each([
  ['another nonce', { nonce: 'PLANTED' }],
  ['no nonce', {}],
  ['a nonce that is no text', { nonce: [NONCE] }],
])('refuses an ID token with %s (OpenID Connect Core section 3.1.3.7)', (_name, claims) => {
  const error = errorThrownBy(() => assertIdTokenNonce(tokenWithParts({ alg: 'RS256' }, claims), NONCE));
  expect(error).toMatchObject({ code: 'invalid_id_token' });
  expect(inspectAll(error)).not.toMatch(/PLANTED|nonce-1/);
});

it('refuses an ID token that can not be read', () => {
  const token = { access_token: ACCESS_TOKEN, token_type: 'Bearer', id_token: 'PLANTED' };
  expect(errorThrownBy(() => assertIdTokenNonce(token, NONCE))).toMatchObject({ code: 'invalid_id_token' });
});
