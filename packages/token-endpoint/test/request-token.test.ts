import { type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { requestToken } from '@oa/token-endpoint';
import type { AuthorizationServer, Client } from '@oa/types';
import { DEVICE_CODE_GRANT_TYPE } from '@oa/types/rfc';
import { describe, expect, it } from 'vitest';
import { tokenFrom, tokenReply } from './token-from.ts';

const client = { client_id: 'c' };
const grant = { grant_type: 'client_credentials' };

it('rejects a wrong argument with a TypeError', async () => {
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  const confidential = { client_id: 'c', client_secret: 's' };
  const wrong = [
    () => requestToken(server, confidential, grant, { authentication: 'client_secret_jwt' as 'none' }),
    () => requestToken(server, client, grant, { authentication: 'client_secret_basic' }),
    () => requestToken(server, { client_id: '' }, grant),
    () => requestToken(server, {} as Client, grant),
    () => requestToken(server, confidential, {}),
    () => requestToken(server, confidential, { grant_type: '' }),
    () => requestToken(server, confidential, { ...grant, client_id: 'other' }),
    () => requestToken(server, confidential, { ...grant, client_secret: 'other' }),
    () => requestToken(server, confidential, { ...grant, client_assertion: 'x' }),
    () => requestToken(server, confidential, { ...grant, scope: ['a', 'b'] }),
    () => requestToken(server, confidential, { ...grant, audience: 5 as unknown as string }),
    () => requestToken(server, confidential, grant, { timeout: -1 }),
    () => requestToken(server, confidential, grant, { bearerTypes: 'user' as unknown as string[] }),
    () => requestToken(server, confidential, grant, { bearerTypes: [''] }),
  ];
  for (const call of wrong) await expect(call()).rejects.toBeInstanceOf(TypeError);
});

it('does not send the password grant (RFC 9700 section 2.4)', async () => {
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  const parameters = { grant_type: 'password', username: 'u', password: 'p' };
  await expect(requestToken(server, client, parameters)).rejects.toThrow('RFC 9700');
});

it('rejects a server without a token endpoint', async () => {
  const server = { issuer: 'https://as.example' } as AuthorizationServer;
  expect((await rejectionOf(requestToken(server, client, grant))).code).toBe('endpoint_missing');
});

it('accepts the token type that a function makes usable (RFC 9449 section 5)', async () => {
  const authentication = (): object => ({ headers: { dpop: 'proof' }, token_type: 'DPoP' });
  for (const token_type of ['dpop', 'DPoP'])
    expect(await tokenFrom(tokenReply({ token_type }), {}, { authentication })).toMatchObject({
      access_token: 'at',
      token_type: 'DPoP',
    });
  const error = await rejectionOf(tokenFrom(tokenReply({ token_type: 'mac' }), {}, { authentication }));
  expect(error.code).toBe('unsupported_token_type');
});

it('returns the token after a function sent a proof with the nonce of the server (RFC 9449 section 8)', async () => {
  await using server = await startScriptedServer(({ headers }) =>
    headers['dpop'] === 'proof with n1'
      ? { json: { access_token: 'at', token_type: 'dpop' } }
      : { status: 400, json: { error: 'use_dpop_nonce' }, headers: { 'dpop-nonce': 'n1' } },
  );
  const metadata = { issuer: 'https://as.example/dpop', token_endpoint: `${server.origin}/token` };
  const token = await requestToken(
    metadata,
    client,
    { grant_type: 'authorization_code', code: 'x' },
    {
      authentication: ({ client, refusal }) => {
        if (refusal !== undefined && refusal.error !== 'use_dpop_nonce') return undefined;
        const nonce = refusal?.headers.get('dpop-nonce') ?? 'none';
        const { client_id } = client;
        return { headers: { dpop: `proof with ${nonce}` }, parameters: { client_id }, token_type: 'DPoP' };
      },
    },
  );
  expect(token).toMatchObject({ access_token: 'at', token_type: 'DPoP' });
  expect(server.requests).toHaveLength(2);
});

it('rejects with the error that onEvent throws', async () => {
  const onEvent = (): void => {
    throw new RangeError('mine');
  };
  await expect(tokenFrom({ json: { access_token: 'at' } }, {}, { onEvent })).rejects.toThrow(RangeError);
});

describe('a token response (RFC 6749 section 5.1)', () => {
  it('keeps unknown members unchanged', async () => {
    const members = { id_token: 'x.y.z', nested: { a: [1, null] }, 'odd name': true, refresh_token: 'rt' };
    expect(await tokenFrom(tokenReply(members))).toEqual({ access_token: 'at', token_type: 'Bearer', ...members });
  });

  it('may hold an access token of 20 kB', async () => {
    const long = 'x'.repeat(20_000);
    expect((await tokenFrom(tokenReply({ access_token: long }))).access_token).toBe(long);
  });

  it.each(['', 'a\r\nb', 'é', 'a\tb'])(
    'is refused with the access token %j (RFC 6749 appendix A.12)',
    async (access_token) => {
      const error = await rejectionOf(tokenFrom(tokenReply({ access_token })));
      expect(error.code).toBe('invalid_response');
    },
  );

  it.each<[string, Reply]>([
    ['no access_token', { json: { token_type: 'Bearer' } }],
    ['null as access_token', { json: { access_token: null, token_type: 'Bearer' } }],
    ['a number as access_token', { json: { access_token: 5, token_type: 'Bearer' } }],
    ['a list instead of an object', { json: [{ access_token: 'at' }] }],
    ['text instead of an object', { json: 'at' }],
  ])('is refused with %s', async (_, reply) => {
    expect((await rejectionOf(tokenFrom(reply))).code).toBe('invalid_response');
  });

  it('is an error where it holds an error and a token (RFC 6749 section 5.2)', async () => {
    const error = await rejectionOf(tokenFrom(tokenReply({ error: 'invalid_grant', access_token: 'planted-at' })));
    expect(error).toMatchObject({ code: 'oauth_error', error: 'invalid_grant', status: 200 });
    expect(JSON.stringify(error)).not.toContain('planted-at');
  });
});

describe('the scope (RFC 6749 section 3.3)', () => {
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
  ])('of the response %j to a request for %j is %j', async (members, asked, stored) => {
    const result = await tokenFrom(tokenReply(members), { scope: asked });
    expect(result.scope).toBe(stored);
    expect('scope' in result).toBe(stored !== undefined);
  });
});

describe('resources (RFC 8707 section 2)', () => {
  it('are sent unchanged, one or several', async () => {
    await using server = await startScriptedServer(() => tokenReply({}));
    const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
    const resource = ['https://api.example/a/', 'urn:example:b', 'https://API.example:443/c?d'];
    await requestToken(metadata, client, { grant_type: 'client_credentials', resource, audience: ['x', 'y'] });
    expect(server.requests[0]?.form.getAll('resource')).toEqual(resource);
    expect(server.requests[0]?.form.getAll('audience')).toEqual(['x', 'y']);
  });

  it.each(['api', '/a', 'https://api.example/#x', '', '#'])('do not include %j', async (resource) => {
    await expect(tokenFrom(tokenReply({}), { resource })).rejects.toThrow('RFC 8707');
  });

  it('are refused by the server with invalid_target', async () => {
    const error = await rejectionOf(tokenFrom({ status: 400, json: { error: 'invalid_target' } }));
    expect(error).toMatchObject({ code: 'oauth_error', error: 'invalid_target' });
  });
});

it('sends all parameters in the body and none in the address (RFC 6749 section 3.2)', async () => {
  await using server = await startScriptedServer(() => tokenReply({}));
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token?tenant=1` };
  const parameters = { grant_type: 'authorization_code', code: 'planted-code', code_verifier: 'planted-verifier' };
  await requestToken(metadata, { client_id: 'c', client_secret: 's' }, parameters);
  expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['POST /token?tenant=1']);
});

it('sends redirect_uri and code byte for byte (RFC 6749 section 4.1.3)', async () => {
  await using server = await startScriptedServer(() => tokenReply({}));
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const parameters = { redirect_uri: 'http://127.0.0.1:5000/cb?a=%7E~&b=+ ', code: 'a+b/c=d e%20é&f' };
  await requestToken(metadata, client, { grant_type: 'authorization_code', ...parameters });
  expect(Object.fromEntries(server.requests[0]?.form ?? [])).toMatchObject(parameters);
});

describe('repetition and redirects', () => {
  it('repeats a client credentials request after a 503, and no request with a code or a refresh token', async () => {
    await using server = await startScriptedServer((_, index) => (index === 1 ? tokenReply({}) : { status: 503 }));
    const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
    await requestToken(metadata, client, { grant_type: 'client_credentials' });
    expect(server.requests).toHaveLength(2);
    for (const grant_type of ['authorization_code', 'refresh_token', DEVICE_CODE_GRANT_TYPE])
      expect((await rejectionOf(requestToken(metadata, client, { grant_type }))).retryable).toBe(true);
    expect(server.requests).toHaveLength(5);
  });

  it('follows no redirect', async () => {
    await using other = await startScriptedServer(() => tokenReply({}));
    const error = await rejectionOf(tokenFrom({ status: 307, headers: { location: `${other.origin}/token` } }));
    expect(error.code).toBe('redirect_refused');
    expect(other.requests).toHaveLength(0);
  });

  it('sends nothing to a token endpoint without TLS (RFC 6749 section 3.2)', async () => {
    const metadata = { issuer: 'http://as.example', token_endpoint: 'http://as.example/token' };
    expect((await rejectionOf(requestToken(metadata, client, { grant_type: 'client_credentials' }))).code).toBe(
      'insecure_url',
    );
  });
});
