import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { introspect } from '@oa/identity';
import type { Client, Token } from '@oa/types';
import { expect, it } from 'vitest';
import { ACCESS_TOKEN, startProvider } from './provider.ts';

const client: Client = { client_id: 'rs', client_secret: 'PLANTED-SECRET' };
const token: Token = { access_token: ACCESS_TOKEN, token_type: 'Bearer', refresh_token: 'PLANTED-REFRESH' };
const basic = `Basic ${btoa('rs:PLANTED-SECRET')}`;

it.each([
  ['a token response', token],
  ['an access token', ACCESS_TOKEN],
])('sends %s with the authentication of the client (RFC 7662 section 2.1)', async (_name, given) => {
  const json = {
    active: true,
    scope: 'read',
    client_id: 'c',
    username: 'ada',
    sub: '1',
    aud: ['api'],
    exp: 1,
    own: {},
  };
  await using provider = await startProvider([], { '/introspect': () => ({ json }) });
  expect(await introspect(provider.server, client, given)).toEqual(json);
  const [request] = provider.scripted.requests;
  expect(request).toMatchObject({ method: 'POST', headers: { authorization: basic } });
  expect([...(request?.form ?? [])]).toEqual([
    ['token', ACCESS_TOKEN],
    ['token_type_hint', 'access_token'],
  ]);
});

it('returns active: false as it is, and drops members that can not be used', async () => {
  const json = { active: false, scope: null, exp: 'never', iat: '12', sub: 1, own: null };
  await using provider = await startProvider([], { '/introspect': () => ({ json }) });
  expect(await introspect(provider.server, client, token)).toEqual({ active: false, iat: 12, own: null });
});

it('tries the other methods where the server does not recognise the client (RFC 6749 section 2.3.1)', async () => {
  await using provider = await startProvider([], {
    '/introspect': ({ form }) =>
      form.get('client_secret') === 'PLANTED-SECRET'
        ? { json: { active: true } }
        : { status: 401, json: { error: 'invalid_client' } },
  });
  const methods = ['client_secret_basic', 'client_secret_post'];
  const server = { ...provider.server, token_endpoint_auth_methods_supported: methods };
  expect(await introspect(server, client, token)).toEqual({ active: true });
  expect(provider.scripted.requests).toHaveLength(2);
});

it('uses the methods of this endpoint, where the metadata lists them (RFC 8414 section 2)', async () => {
  await using provider = await startProvider([], { '/introspect': () => ({ json: { active: true } }) });
  const server = {
    ...provider.server,
    token_endpoint_auth_methods_supported: ['client_secret_basic'],
    introspection_endpoint_auth_methods_supported: ['client_secret_post'],
  };
  await introspect(server, { ...client, client_id: 'rs2' }, token);
  expect(provider.scripted.requests[0]?.form.get('client_secret')).toBe('PLANTED-SECRET');
});

it('authenticates with the function of the caller', async () => {
  await using provider = await startProvider([], { '/introspect': () => ({ json: { active: true } }) });
  const authentication = () => ({ parameters: { client_assertion: 'PLANTED-ASSERTION' } });
  await introspect(provider.server, { client_id: 'rs' }, token, { authentication });
  expect(provider.scripted.requests[0]?.form.get('client_assertion')).toBe('PLANTED-ASSERTION');
});

it.each([
  ['invalid_response', { json: {} }],
  ['invalid_response', { json: { active: 'true' } }],
  ['invalid_response', { json: { active: 1 } }],
  ['oauth_error', { status: 401, json: { error: 'invalid_client', error_description: `not ${ACCESS_TOKEN}` } }],
  ['oauth_error', { status: 400, json: { error: 'invalid_request', error_description: 'PLANTED-SECRET' } }],
  ['http_error', { status: 404 }],
  ['redirect_refused', { status: 307, headers: { location: '/other' } }],
])('rejects with %s for %j, and shows no secret', async (code, reply) => {
  await using provider = await startProvider([], { '/introspect': () => reply });
  const error = await rejectionOf(introspect(provider.server, client, token));
  expect(error).toMatchObject({ code });
  expect(inspectAll(error)).not.toContain('PLANTED');
});

it('rejects with endpoint_missing where the server introspects no tokens', async () => {
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  expect(await rejectionOf(introspect(server, client, token))).toMatchObject({ code: 'endpoint_missing' });
});

it('says that the endpoints are guessed, where they are', async () => {
  const asked = ['https://as.example/.well-known/openid-configuration'];
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token', guessed_after: asked };
  await using provider = await startProvider([], { '/introspect': () => ({ status: 404 }) });
  for (const guessed of [server, { ...provider.server, guessed_after: asked }]) {
    const { message } = await rejectionOf(introspect(guessed, client, token));
    expect(message).toMatch(/^No metadata at https:\/\/as\.example\S+, so the conventional endpoints are guessed\. /);
  }
});

it.each(['', undefined, {}])('rejects the token %j with a TypeError', async (given) => {
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  await expect(introspect(server, client, given as string)).rejects.toThrow(TypeError);
});

it('goes to the address that the authentication names, with the lists of the metadata for this endpoint (RFC 8414 section 2)', async () => {
  await using provider = await startProvider([], { '/mtls': () => ({ json: { active: true } }) });
  const lists: unknown[] = [];
  const server = {
    ...provider.server,
    token_endpoint_auth_signing_alg_values_supported: ['RS256'],
    introspection_endpoint_auth_signing_alg_values_supported: ['ES256'],
  };
  await introspect(server, client, token, {
    authentication: (request) => {
      lists.push(request.server.token_endpoint_auth_signing_alg_values_supported);
      return { url: `${provider.scripted.origin}/mtls` };
    },
  });
  expect(lists).toEqual([['ES256']]);
  expect(provider.scripted.requests.map(({ path }) => path)).toEqual(['/mtls']);
});
