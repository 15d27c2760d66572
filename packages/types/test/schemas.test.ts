import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import {
  authorizationServerSchema,
  clientSchema,
  protectedResourceSchema,
  secondsSchema,
  tokenResponseSchema,
} from '@oa/types/schemas';

describe('secondsSchema', () => {
  it.each([
    [0, 0],
    [1.5, 1.5],
    [-1, -1],
    ['3600', 3600],
    [' 3600.5 ', 3600.5],
    ['123456789012345', 123_456_789_012_345],
  ])('reads %j as %d', (given, expected) => {
    expect(v.parse(secondsSchema, given)).toBe(expected);
  });

  it.each(['', 'soon', '1e3', '-1', '0x10', '1234567890123456', Number.NaN, Number.POSITIVE_INFINITY, null, [], {}])(
    'refuses %j',
    (given) => {
      expect(v.is(secondsSchema, given)).toBe(false);
    },
  );
});

describe('tokenResponseSchema', () => {
  const minimal = { access_token: 'a', token_type: 'Bearer' };

  it('keeps unknown members unchanged (RFC 6749 section 5.1)', () => {
    const body = { ...minimal, id_token: 'x', nested: { a: [1, null] }, nothing: null, empty: '' };
    expect(v.parse(tokenResponseSchema, body)).toEqual(body);
  });

  it.each([
    ['absent', undefined, undefined],
    ['zero', 0, 0],
    ['a numeric string', '3600', 3600],
    ['huge', 1e15, 1e15],
    ['null', null, undefined],
    ['not a number', 'soon', undefined],
    ['an object', {}, undefined],
  ])('reads an expires_in that is %s (RFC 6749 section 5.1)', (_, given, expected) => {
    expect(v.parse(tokenResponseSchema, { ...minimal, expires_in: given }).expires_in).toBe(expected);
  });

  it('drops a refresh token or scope that is null or empty', () => {
    const token = v.parse(tokenResponseSchema, { ...minimal, refresh_token: '', scope: null });
    expect(Object.keys(token)).toEqual(['access_token', 'token_type']);
  });

  it('reads an array of scopes as a list of scopes', () => {
    expect(v.parse(tokenResponseSchema, { ...minimal, scope: ['a', 'b'] }).scope).toBe('a b');
  });

  it.each([[null], [[]], ['text'], [1], [{}], [{ access_token: '' }], [{ access_token: 1, token_type: 'Bearer' }]])(
    'refuses a response without an access token: %j',
    (body) => {
      expect(v.is(tokenResponseSchema, body)).toBe(false);
    },
  );

  it('reads a missing token_type as an empty one', () => {
    expect(v.parse(tokenResponseSchema, { access_token: 'a' }).token_type).toBe('');
  });

  it('changes no prototype for a member named __proto__', () => {
    const json = '{"access_token":"a","token_type":"b","__proto__":{"polluted":1}}';
    const parsed = v.parse(tokenResponseSchema, JSON.parse(json)) as { polluted?: number };
    expect(parsed.polluted).toBeUndefined();
  });
});

describe('authorizationServerSchema', () => {
  const body = { issuer: 'https://a', token_endpoint: 'https://a/token', op_tos_uri: 'x', nothing: null };

  it('keeps unknown members, and drops known ones that are null or empty', () => {
    const given = { ...body, registration_endpoint: null, revocation_endpoint: '', scopes_supported: null };
    expect(v.parse(authorizationServerSchema, given)).toEqual(body);
  });

  it('refuses an endpoint that is not an http(s) URL, a missing endpoint and a wrong list', () => {
    expect(v.is(authorizationServerSchema, { ...body, registration_endpoint: 'javascript:alert(1)' })).toBe(false);
    expect(v.is(authorizationServerSchema, { ...body, token_endpoint: '/token' })).toBe(false);
    expect(v.is(authorizationServerSchema, { issuer: 'https://a' })).toBe(false);
    expect(v.is(authorizationServerSchema, { ...body, scopes_supported: 'a b' })).toBe(false);
  });
});

describe('protectedResourceSchema', () => {
  it('requires the resource', () => {
    expect(v.is(protectedResourceSchema, { resource: 'https://r', authorization_servers: null, more: 1 })).toBe(true);
    expect(v.is(protectedResourceSchema, { authorization_servers: [] })).toBe(false);
  });
});

describe('clientSchema', () => {
  it('keeps what the server returned, reads numeric strings, and drops members that are null (RFC 7591 section 3.2.1)', () => {
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
});

it.each([authorizationServerSchema, protectedResourceSchema])(
  'has one issue for a list of 100,000 wrong items',
  (schema) => {
    const scopes_supported = Array.from({ length: 100_000 }, () => 1);
    const document = {
      issuer: 'https://a.example',
      token_endpoint: 'https://a.example/t',
      resource: 'https://b.example',
    };
    const { issues } = v.safeParse<typeof schema>(schema, { ...document, scopes_supported });
    expect(issues?.map(({ message }) => message)).toEqual(['must be an array of strings']);
  },
);
