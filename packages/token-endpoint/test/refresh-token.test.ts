import { type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf, inspectAll } from '@oa-internal/testing';
import { OAuthError, type OAuthErrorDetails } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { isRefreshRefused, refreshToken } from '@oa/token-endpoint';

const client = { client_id: 'c' };
const old = { access_token: 'old-at', token_type: 'Bearer', refresh_token: 'old-rt', scope: 'a b', id_token: 'old-id' };

function metadata({ origin }: { origin: string }): { issuer: string; token_endpoint: string } {
  return { issuer: origin, token_endpoint: `${origin}/token` };
}

describe('refreshToken', () => {
  it('returns the new refresh token, or the old one where the server omits it, and keeps the scope (RFC 6749 section 6)', async () => {
    await using server = await startScriptedServer((_, index) => ({
      json: { access_token: 'at', token_type: 'bearer', ...(index === 0 ? { refresh_token: 'new-rt' } : {}) },
    }));
    expect(await refreshToken(metadata(server), client, old)).toEqual({
      access_token: 'at',
      token_type: 'Bearer',
      refresh_token: 'new-rt',
      scope: 'a b',
    });
    expect((await refreshToken(metadata(server), client, old)).refresh_token).toBe('old-rt');
    expect(Object.fromEntries(server.requests[0]?.form ?? [])).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'old-rt',
      client_id: 'c',
    });
  });

  it.each([null, '', 5])('keeps the old refresh token where the server sends %j', async (refresh_token) => {
    await using server = await startScriptedServer(() => ({
      json: { access_token: 'at', token_type: 'bearer', refresh_token },
    }));
    expect((await refreshToken(metadata(server), client, old)).refresh_token).toBe('old-rt');
  });

  it('requests and returns a narrower scope, and refuses a wider one (RFC 6749 section 6)', async () => {
    await using server = await startScriptedServer((_, index) => ({
      json: { access_token: 'at', token_type: 'bearer', ...(index === 1 ? { scope: 'b' } : {}) },
    }));
    expect((await refreshToken(metadata(server), client, old, { scope: 'a' })).scope).toBe('a');
    expect((await refreshToken(metadata(server), client, old)).scope).toBe('b');
    await expect(refreshToken(metadata(server), client, old, { scope: 'a c' })).rejects.toThrow('RFC 6749 section 6');
    expect(server.requests).toHaveLength(2);
    const { scope: _, ...unknown } = old;
    const fresh = await refreshToken(metadata(server), client, unknown);
    expect('scope' in fresh).toBe(false);
    expect((await refreshToken(metadata(server), client, unknown, { scope: 'c' })).scope).toBe('c');
  });

  it('sends the resources (RFC 8707 section 2.2)', async () => {
    await using server = await startScriptedServer(() => ({ json: { access_token: 'at', token_type: 'bearer' } }));
    const resource = ['https://a.example/', 'https://b.example/'];
    await refreshToken(metadata(server), client, old, { resource });
    expect(server.requests[0]?.form.getAll('resource')).toEqual(resource);
  });

  it('rejects a token without a refresh token, and reserved parameters', async () => {
    const server = metadata({ origin: 'https://as.example' });
    const { refresh_token: _, ...none } = old;
    for (const call of [
      () => refreshToken(server, client, none),
      () => refreshToken(server, client, { ...old, refresh_token: '' }),
      () => refreshToken(server, client, old, { refresh_token: 'x' }),
      () => refreshToken(server, client, old, { grant_type: 'x' }),
      () => refreshToken(server, client, old, { client_secret: 'x' }),
    ])
      await expect(call()).rejects.toBeInstanceOf(TypeError);
  });
});

function refused(code: 'oauth_error' | 'http_error', details: OAuthErrorDetails): boolean {
  return isRefreshRefused(new OAuthError(code, '', details));
}

describe('isRefreshRefused', () => {
  it.each<[string, Reply]>([
    ['invalid_grant', { status: 400, json: { error: 'invalid_grant' } }],
    ['invalid_grant as 401', { status: 401, json: { error: 'invalid_grant' } }],
    ['invalid_grant as 200', { json: { error: 'invalid_grant' } }],
    ['invalid_request', { status: 400, json: { error: 'invalid_request', error_description: 'Token is expired' } }],
    ['an empty 400', { status: 400 }],
    ['an empty 403', { status: 403, body: ' \n' }],
    ['plain text', { status: 400, body: 'invalid_grant', headers: { 'content-type': 'text/plain' } }],
    ['a sentence', { status: 401, json: { error: 'Invalid refresh token' } }],
    ['a message', { status: 403, json: { message: 'The refresh_token has expired.' } }],
  ])('is true for %s', async (_, reply) => {
    await using server = await startScriptedServer(() => reply);
    const error = await rejectionOf(refreshToken(metadata(server), client, old));
    expect(isRefreshRefused(error)).toBe(true);
    expect(error.retryable).toBe(false);
    expect(server.requests).toHaveLength(1);
    expect(inspectAll(error)).not.toContain('old-rt');
  });

  it.each<[string, Reply]>([
    ['429', { status: 429, headers: { 'retry-after': '900' } }],
    ['500', { status: 500 }],
    ['503', { status: 503 }],
    ['503 with a code', { status: 503, json: { error: 'invalid_request' } }],
    ['temporarily_unavailable', { status: 400, json: { error: 'temporarily_unavailable' } }],
    ['invalid_client', { status: 401, json: { error: 'invalid_client' } }],
    [
      'a missing client_id',
      { status: 400, json: { error: 'invalid_request', error_description: 'client_id missing' } },
    ],
    ["a gateway's page", { status: 403, body: '<h1>Blocked</h1>', headers: { 'content-type': 'text/html' } }],
    ['a page about refresh tokens', { status: 400, body: 'invalid_grant', headers: { 'content-type': 'text/html' } }],
    ['another sentence', { status: 400, json: { error: 'Bad request' } }],
    ['a sentence with 500', { status: 500, json: { error: 'Invalid refresh token' } }],
    ['an empty 401', { status: 401 }],
    ['a 404', { status: 404 }],
    ['HTML', { body: '<p>', headers: { 'content-type': 'text/html' } }],
    ['truncated JSON', { body: '{"access_token"', headers: { 'content-type': 'application/json' } }],
    ['a dropped connection', { drop: 'request' }],
    ['silence', { drop: 'never' }],
  ])('is false for %s, and the refresh token was sent once', async (_, reply) => {
    await using server = await startScriptedServer(() => reply);
    const error = await rejectionOf(refreshToken(metadata(server), client, old, {}, { timeout: 300 }));
    expect(isRefreshRefused(error)).toBe(false);
    expect(server.requests).toHaveLength(1);
    expect(inspectAll(error)).not.toContain('old-rt');
  });

  it('reports a Retry-After of 15 minutes at once', async () => {
    await using server = await startScriptedServer(() => ({ status: 429, headers: { 'retry-after': '900' } }));
    const error = await rejectionOf(refreshToken(metadata(server), client, old));
    expect(error).toMatchObject({ status: 429, retryable: true, retryAfter: 900 });
  });

  it('looks at the codes only', () => {
    expect(refused('http_error', { error: 'invalid_grant' })).toBe(false);
    expect(refused('oauth_error', { error: 'invalid_grant', retryable: true })).toBe(false);
    expect(refused('oauth_error', {})).toBe(false);
  });
});

describe('errors of refreshToken', () => {
  it('show nothing that was sent', async () => {
    const confidential = { client_id: 'c', client_secret: 'se/cr et+1' };
    await using server = await startScriptedServer(({ body, headers }) => ({
      status: 400,
      json: {
        error: 'invalid_grant',
        error_description: `${body} ${headers.authorization} ${decodeURIComponent(body)}`,
      },
    }));
    for (const authentication of ['client_secret_basic', 'client_secret_post'] as const) {
      const text = inspectAll(
        await rejectionOf(refreshToken(metadata(server), confidential, old, {}, { authentication })),
      );
      for (const secret of ['old-rt', 'se/cr et+1', 'se%2Fcr+et%2B1', btoa('c:se%2Fcr+et%2B1'), btoa('c:se/cr et+1')])
        expect(text).not.toContain(secret);
    }
  });
});
