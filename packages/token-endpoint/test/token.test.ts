import { type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { isExpired, type OAuthEvent, type RequestParameters, type Token } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { requestToken, type TokenEndpointOptions } from '@oa/token-endpoint';

const NOW = 1_800_000_000_500;
const client = { client_id: 'c' };

async function answered(
  reply: Reply,
  parameters: RequestParameters = {},
  options: TokenEndpointOptions = {},
): Promise<Token> {
  await using server = await startScriptedServer(() => reply);
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const all = { grant_type: 'authorization_code', ...parameters };
  return await requestToken(metadata, client, all, { now: () => NOW, ...options });
}

function token(members: object): Reply {
  return { json: { access_token: 'at', token_type: 'Bearer', ...members } };
}

describe('lifetime', () => {
  it.each([
    [3600, 1_800_003_600],
    ['3600', 1_800_003_600],
    ['3600.9', 1_800_003_601],
    [0, 1_800_000_000],
    [-5, 1_800_000_000],
    [1e300, 4_953_600_000],
    [9_007_199_254_740_991, 4_953_600_000],
    [undefined, undefined],
    [null, undefined],
    ['', undefined],
    ['soon', undefined],
    [{}, undefined],
    [true, undefined],
  ])('C8: expires_in %j ends at %j', async (expires_in, expires_at) => {
    const result = await answered(token({ expires_in }));
    expect(result.expires_at).toBe(expires_at);
    expect(new Date((result.expires_at ?? 0) * 1000).getTime()).not.toBeNaN();
  });

  it('C8: a token without a lifetime is not expired, one with none left is', async () => {
    expect(isExpired(await answered(token({})), { now: () => NOW })).toBe(false);
    expect(isExpired(await answered(token({ expires_in: 0 })), { now: () => NOW })).toBe(true);
  });

  it('C8: counts from when the request went out', async () => {
    let clock = NOW;
    const now = (): number => (clock += 10_000) - 10_000;
    const result = await answered(token({ expires_in: 60 }), {}, { now });
    expect(result.expires_at).toBe(1_800_000_060);
  });

  it.each([
    [{ expires_at: 1_800_000_100 }, 1_800_000_100],
    [{ expires_at: '1800000100' }, 1_800_000_100],
    [{ expires_at: 1_800_000_100_000 }, 1_800_000_100],
    [{ expires_at: '2027-01-15T08:01:40Z' }, 1_800_000_100],
    [{ expires_at: 3600 }, undefined],
    [{ expires_at: 1e300 }, undefined],
    [{ expires_at: 'never' }, undefined],
    [{ expires_at: ' ' }, undefined],
    [{ expires_at: null }, undefined],
    [{ expires_at: [1_800_000_100] }, undefined],
    [{ expires_at: 1_700_000_000, expires_in: 60 }, 1_800_000_060],
    [{ created_at: 1_700_000_000, iat: 1_700_000_000, expires_in: 60 }, 1_800_000_060],
  ])('C8: %j of the server ends at %j', async (members, expires_at) => {
    const result = await answered(token(members));
    expect(result.expires_at).toBe(expires_at);
    expect(result['created_at']).toBe('created_at' in members ? members.created_at : undefined);
  });
});

describe('token type', () => {
  it.each(['Bearer', 'bearer', 'BEARER', 'BearerToken'])('C7: %s is Bearer', async (token_type) => {
    expect((await answered(token({ token_type }))).token_type).toBe('Bearer');
  });

  it.each(['mac', 'DPoP', 'N_A', 'pop'])('C7: %s is refused', async (token_type) => {
    const error = await rejectionOf(answered(token({ token_type })));
    expect(error).toMatchObject({ code: 'unsupported_token_type', retryable: false });
  });

  it('a missing one is taken as Bearer, with an event', async () => {
    const events: OAuthEvent[] = [];
    const onEvent = (event: OAuthEvent): void => void events.push(event);
    for (const token_type of [undefined, null, ''])
      expect((await answered({ json: { access_token: 'at', token_type } }, {}, { onEvent })).token_type).toBe('Bearer');
    expect(events.map(({ type }) => type)).toEqual(Array.from({ length: 3 }, () => 'token_type_missing'));
    await answered(token({}), {}, { onEvent });
    expect(events).toHaveLength(3);
  });
});

it('an onEvent that throws is a bug of the caller, and shows', async () => {
  const onEvent = (): void => {
    throw new RangeError('mine');
  };
  await expect(answered({ json: { access_token: 'at' } }, {}, { onEvent })).rejects.toThrow(RangeError);
});

describe('members', () => {
  it('C7: unknown ones are kept as they came', async () => {
    const members = { id_token: 'x.y.z', nested: { a: [1, null] }, 'odd name': true, refresh_token: 'rt' };
    expect(await answered(token(members))).toEqual({ access_token: 'at', token_type: 'Bearer', ...members });
  });

  it('C7: a token of 20 kB is a token', async () => {
    const long = 'x'.repeat(20_000);
    expect((await answered(token({ access_token: long }))).access_token).toBe(long);
  });

  it.each(['', 'a\r\nb', 'é', 'a\tb'])('C7: the access token %j is refused', async (access_token) => {
    const error = await rejectionOf(answered(token({ access_token })));
    expect(error.code).toBe('invalid_response');
  });

  it.each<[string, Reply]>([
    ['no access_token', { json: { token_type: 'Bearer' } }],
    ['null', { json: { access_token: null, token_type: 'Bearer' } }],
    ['a number', { json: { access_token: 5, token_type: 'Bearer' } }],
    ['a list', { json: [{ access_token: 'at' }] }],
    ['text', { json: 'at' }],
  ])('C7: %s is refused', async (_, reply) => {
    expect((await rejectionOf(answered(reply))).code).toBe('invalid_response');
  });

  it('C9: an error beside a token is an error', async () => {
    const error = await rejectionOf(answered(token({ error: 'invalid_grant', access_token: 'planted-at' })));
    expect(error).toMatchObject({ code: 'oauth_error', error: 'invalid_grant', status: 200 });
    expect(JSON.stringify(error)).not.toContain('planted-at');
  });
});

describe('scope', () => {
  it.each([
    [{}, 'a b', 'a b'],
    [{ scope: '' }, 'a b', 'a b'],
    [{ scope: null }, 'a b', 'a b'],
    [{ scope: 'a' }, 'a b', 'a'],
    [{ scope: 'b a' }, 'a b', 'b a'],
    [{ scope: 'a b c' }, 'a b', 'a b c'],
    [{ scope: ['a', 'b'] }, 'a b', 'a b'],
    [{ scope: 'a' }, undefined, 'a'],
    [{}, undefined, undefined],
  ])('C11: %j for %j is stored as %j', async (members, asked, stored) => {
    const result = await answered(token(members), { scope: asked });
    expect(result.scope).toBe(stored);
    expect('scope' in result).toBe(stored !== undefined);
  });
});

describe('resources', () => {
  it('A9: one or several are sent as they are', async () => {
    await using server = await startScriptedServer(() => token({}));
    const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
    const resource = ['https://api.example/a/', 'urn:example:b', 'https://API.example:443/c?d'];
    await requestToken(metadata, client, { grant_type: 'client_credentials', resource, audience: ['x', 'y'] });
    expect(server.requests[0]?.form.getAll('resource')).toEqual(resource);
    expect(server.requests[0]?.form.getAll('audience')).toEqual(['x', 'y']);
  });

  it.each(['api', '/a', 'https://api.example/#x', '', '#'])('A9: %j is no resource', async (resource) => {
    await expect(answered(token({}), { resource })).rejects.toThrow('RFC 8707');
  });

  it("A9: invalid_target is the server's word", async () => {
    const error = await rejectionOf(answered({ status: 400, json: { error: 'invalid_target' } }));
    expect(error).toMatchObject({ code: 'oauth_error', error: 'invalid_target' });
  });
});

it('G1: everything is in the body, nothing in the address', async () => {
  await using server = await startScriptedServer(() => token({}));
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token?tenant=1` };
  const parameters = { grant_type: 'authorization_code', code: 'planted-code', code_verifier: 'planted-verifier' };
  await requestToken(metadata, { client_id: 'c', client_secret: 's' }, parameters);
  expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['POST /token?tenant=1']);
});

it('C6: redirect_uri and code arrive byte for byte', async () => {
  await using server = await startScriptedServer(() => token({}));
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const parameters = { redirect_uri: 'http://127.0.0.1:5000/cb?a=%7E~&b=+ ', code: 'a+b/c=d e%20é&f' };
  await requestToken(metadata, client, { grant_type: 'authorization_code', ...parameters });
  expect(Object.fromEntries(server.requests[0]?.form ?? [])).toMatchObject(parameters);
});

describe('repetition', () => {
  it('C10: client credentials are asked for again after a 503, a code is not', async () => {
    await using server = await startScriptedServer((_, index) => (index === 1 ? token({}) : { status: 503 }));
    const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
    await requestToken(metadata, client, { grant_type: 'client_credentials' });
    expect(server.requests).toHaveLength(2);
    for (const grant_type of ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'])
      expect((await rejectionOf(requestToken(metadata, client, { grant_type }))).retryable).toBe(true);
    expect(server.requests).toHaveLength(5);
  });

  it('C5: a redirected token request goes nowhere', async () => {
    await using other = await startScriptedServer(() => token({}));
    const error = await rejectionOf(answered({ status: 307, headers: { location: `${other.origin}/token` } }));
    expect(error.code).toBe('redirect_refused');
    expect(other.requests).toHaveLength(0);
  });

  it('E3: a token endpoint without TLS is not used', async () => {
    const metadata = { issuer: 'http://as.example', token_endpoint: 'http://as.example/token' };
    expect((await rejectionOf(requestToken(metadata, client, { grant_type: 'client_credentials' }))).code).toBe(
      'insecure_url',
    );
  });
});
