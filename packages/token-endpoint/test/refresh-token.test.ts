import { type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf, inspectAll } from '@oa-internal/testing';
import type { OAuthEvent, Token } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { refreshToken } from '@oa/token-endpoint';

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
      id_token: 'old-id',
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

  it('keeps every member that the server leaves out, and no lifetime of the old token', async () => {
    await using server = await startScriptedServer(() => ({
      json: { access_token: 'at', token_type: 'bearer', id_token: null, team: '', plan: 'b' },
    }));
    const kept: Partial<Token> = {
      instance_url: 'https://eu.example/',
      team: 'blue',
      issued_to: { client_id: 'c', source: 'configured', has_secret: false },
      'not-before-policy': 0,
    };
    const lifetimes = {
      expires_in: 60,
      expires_at: 1,
      refresh_expires_in: 60,
      refresh_token_expires_in: 60,
      ext_expires_in: 60,
      expires_on: '1',
      expiresIn: 60,
      x_refresh_token_expires_in: 60,
      created_at: 1,
      iat: 1,
    };
    const token: Token = { ...old, ...kept, ...lifetimes, plan: 'a' };
    expect(await refreshToken(metadata(server), client, token)).toEqual({
      ...kept,
      access_token: 'at',
      token_type: 'Bearer',
      refresh_token: 'old-rt',
      scope: 'a b',
      id_token: 'old-id',
      plan: 'b',
    });
  });

  it('keeps the token type where the server sends none', async () => {
    await using server = await startScriptedServer(() => ({ json: { access_token: 'at' } }));
    const fresh = await refreshToken(metadata(server), client, { ...old, token_type: 'DPoP' });
    expect(fresh.token_type).toBe('DPoP');
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

  it.each(['a openid offline_access', 'profile email a', 'https://api.example/.default offline_access'])(
    'requests %j, although servers do not list such scopes in their answers',
    async (scope) => {
      await using server = await startScriptedServer(() => ({ json: { access_token: 'at', token_type: 'bearer' } }));
      expect((await refreshToken(metadata(server), client, old, { scope })).scope).toBe(scope);
      expect(server.requests[0]?.form.get('scope')).toBe(scope);
    },
  );

  it('sends the resources (RFC 8707 section 2.2)', async () => {
    await using server = await startScriptedServer(() => ({ json: { access_token: 'at', token_type: 'bearer' } }));
    const resource = ['https://a.example/', 'https://b.example/'];
    await refreshToken(metadata(server), client, old, { resource });
    expect(server.requests[0]?.form.getAll('resource')).toEqual(resource);
  });

  it("sends the audience and the caller's own parameters", async () => {
    await using server = await startScriptedServer(() => ({ json: { access_token: 'at', token_type: 'bearer' } }));
    await refreshToken(metadata(server), client, old, {
      audience: ['https://api.example/', 'b'],
      tenant: 't',
      none: undefined,
    });
    expect(server.requests[0]?.form.getAll('audience')).toEqual(['https://api.example/', 'b']);
    expect(server.requests[0]?.form.get('tenant')).toBe('t');
    expect(server.requests[0]?.form.has('none')).toBe(false);
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

describe('an answer that is lost on the way', () => {
  const answer = { access_token: 'at', token_type: 'bearer', refresh_token: 'new-rt' };

  it.each<[string, Reply]>([
    ['the connection is closed', { drop: 'request' }],
    ['the body breaks off', { drop: 'body', json: answer, headers: { 'content-length': '300' } }],
    ['the JSON is cut', { body: '{"access_token":"a', headers: { 'content-type': 'application/json' } }],
    [
      'the JSON is cut and labelled as a page',
      { body: '{"access_token":"a', headers: { 'content-type': 'text/html' } },
    ],
    ['the body is empty', { body: '' }],
  ])('is asked for once more at once, with the same refresh token: %s', async (_, lost) => {
    const events: OAuthEvent[] = [];
    await using server = await startScriptedServer((_request, index) => (index === 0 ? lost : { json: answer }));
    const url = `${server.origin}/token`;
    const addressed = { issuer: server.origin, token_endpoint: `${url}?tenant=1` };
    const fresh = await refreshToken(addressed, client, old, {}, { onEvent: (event) => events.push(event) });
    expect(fresh.refresh_token).toBe('new-rt');
    expect(server.requests.map(({ form }) => form.get('refresh_token'))).toEqual(['old-rt', 'old-rt']);
    expect(events).toMatchObject([{ type: 'retry', url, attempt: 1, delay: 0 }]);
  });

  it('is asked for once, not more often, and the error says that the request was sent', async () => {
    await using server = await startScriptedServer(() => ({ drop: 'request' }));
    const error = await rejectionOf(refreshToken(metadata(server), client, old));
    expect(error).toMatchObject({ code: 'network_error', sent: true });
    expect(server.requests).toHaveLength(2);
  });

  it('is not asked for again after a timeout, an error status, a page, or an answer that says something else', async () => {
    const replies: Reply[] = [
      { drop: 'never' },
      { status: 500 },
      { status: 502, body: '{' },
      { body: '<p>', headers: { 'content-type': 'text/html' } },
      { json: { token_type: 'bearer' } },
    ];
    for (const reply of replies) {
      await using server = await startScriptedServer(() => reply);
      await rejectionOf(refreshToken(metadata(server), client, old, {}, { timeout: 500 }));
      expect(server.requests).toHaveLength(1);
    }
  });

  it('counts as sent if the server is gone at the second request', async () => {
    let calls = 0;
    const fetch = async (): Promise<Response> => {
      calls += 1;
      throw Object.assign(new Error('x'), { code: calls === 1 ? 'ECONNRESET' : 'ECONNREFUSED' });
    };
    const server = metadata({ origin: 'https://as.example' });
    const error = await rejectionOf(refreshToken(server, client, old, {}, { fetch }));
    expect(error).toMatchObject({ code: 'network_error', sent: true });
  });

  it('is asked for with a proof of its own, and within the timeout of the call', async () => {
    const proofs = new Set<string>();
    await using server = await startScriptedServer(({ form }, index) => {
      proofs.add(form.get('client_assertion') ?? '');
      return index === 0 ? { drop: 'request', delay: 200 } : { drop: 'never' };
    });
    let count = 0;
    const authentication = (): { parameters: { client_assertion: string } } => ({
      parameters: { client_assertion: `jwt-${(count += 1)}` },
    });
    const options = { authentication, timeout: 1000 };
    const error = await rejectionOf(refreshToken(metadata(server), client, old, {}, options));
    expect(error.code).toBe('timeout');
    // The rest of the second that the call has.
    expect(error.message).toMatch(/within 0\.\d seconds/);
    expect([...proofs]).toEqual(['jwt-1', 'jwt-2']);
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
