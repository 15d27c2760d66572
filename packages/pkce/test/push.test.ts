import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { startScriptedServer, type Reply } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import type { AuthorizationServer } from '@oa/types';
import { expect, it } from 'vitest';
import { createPkce, pushAuthorizationRequest } from '@oa/pkce';
import { client, metadata } from './help.ts';

const required = {
  redirect_uri: 'http://127.0.0.1:1234/callback',
  state: 'a-state',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
};
const accepted: Reply = { status: 201, json: { request_uri: 'urn:example:reference', expires_in: 60 } };

/** The metadata of a server that accepts pushed requests. */
function pushable({ origin }: { origin: string }, more: Partial<AuthorizationServer> = {}): AuthorizationServer {
  return { ...metadata({ origin }), pushed_authorization_request_endpoint: `${origin}/par`, ...more };
}

it('pushes a request that a real server accepts, and the URL has only client_id and request_uri (RFC 9126 section 2)', async () => {
  await using real = await startAuthorizationServer({ pushedRequests: 'required' });
  const server = pushable({ origin: real.issuer });
  const { code_challenge } = await createPkce();
  const parameters = { ...required, code_challenge, scope: 'openid read' };
  const { url, request_uri, expires_in } = await pushAuthorizationRequest(server, real.public, parameters);
  expect(Object.fromEntries(url.searchParams)).toEqual({ client_id: real.public.client_id, request_uri });
  expect(expires_in).toBe(60);
  const response = await fetch(url, { redirect: 'manual' });
  expect(response.headers.get('location')).toMatch(/^\/interaction\//);
});

it('sends what the URL would have, with client_id and with the authentication of the client (RFC 9126 section 2.1)', async () => {
  await using scripted = await startScriptedServer({ '/par': accepted });
  const resource = ['https://a.example', 'https://b.example'];
  const secret = { ...client, client_secret: 's' };
  const server = pushable(scripted, { authorization_endpoint: `${scripted.origin}/authorize?p=b2c` });
  const { url } = await pushAuthorizationRequest(server, secret, { ...required, resource, scope: 'offline_access' });
  const [request] = scripted.requests;
  expect(request?.headers.authorization).toBe(`Basic ${btoa('oa-test:s')}`);
  expect(Object.fromEntries(request?.form ?? [])).toEqual({
    ...required,
    client_id: 'oa-test',
    code_challenge_method: 'S256',
    prompt: 'consent',
    resource: resource[1],
    response_type: 'code',
    scope: 'offline_access',
  });
  expect(request?.form.getAll('resource')).toEqual(resource);
  expect(url.search).toBe('?p=b2c&client_id=oa-test&request_uri=urn%3Aexample%3Areference');
});

it('uses another method where the server does not accept the first, as at the token endpoint (RFC 9126 section 2)', async () => {
  await using scripted = await startScriptedServer({
    '/par': ({ form }) => (form.has('client_secret') ? accepted : { status: 401, json: { error: 'invalid_client' } }),
  });
  const server = pushable(scripted, {
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
  });
  await pushAuthorizationRequest(server, { ...client, client_secret: 's' }, required);
  expect(scripted.requests).toHaveLength(2);
});

it.each<[string, Reply, object]>([
  [
    'refuses',
    { status: 400, json: { error: 'invalid_scope' } },
    { code: 'oauth_error', error: 'invalid_scope', status: 400 },
  ],
  ['does not exist', { status: 404 }, { code: 'http_error', status: 404 }],
  ['gives no reference', { status: 201, json: { expires_in: 60 } }, { code: 'invalid_response' }],
])('rejects where the endpoint %s (RFC 9126 section 2.3)', async (_, reply, error) => {
  await using scripted = await startScriptedServer({ '/par': reply });
  expect(await rejectionOf(pushAuthorizationRequest(pushable(scripted), client, required))).toMatchObject(error);
});

it.each<[string, Partial<AuthorizationServer>, string]>([
  ['without the endpoint', { pushed_authorization_request_endpoint: undefined } as never, 'endpoint_missing'],
  [
    'with an endpoint that is not secure',
    { pushed_authorization_request_endpoint: 'http://as.example/par' },
    'insecure_url',
  ],
  ['without S256', { code_challenge_methods_supported: ['plain'] }, 'pkce_unsupported'],
])('refuses a server %s, and sends nothing', async (_, more, code) => {
  await using scripted = await startScriptedServer({ '/par': accepted });
  expect(await rejectionOf(pushAuthorizationRequest(pushable(scripted, more), client, required))).toMatchObject({
    code,
  });
  expect(scripted.requests).toEqual([]);
});

it('refuses parameters as authorizationUrl does', async () => {
  const server = pushable({ origin: 'http://127.0.0.1:1' });
  const wrong = pushAuthorizationRequest(server, client, { ...required, request_uri: 'urn:x' });
  await expect(wrong).rejects.toThrow(
    new TypeError('The parameter request_uri is reserved: the call sets it, or forbids it. Leave it out.'),
  );
  await expect(pushAuthorizationRequest(server, client, {})).rejects.toThrow(TypeError);
});

it('goes to the address, and with the fetch, that the authentication of the client names (RFC 8705 section 5)', async () => {
  await using scripted = await startScriptedServer({ '/mtls/par': accepted });
  const urls: unknown[] = [];
  const withCertificate: typeof fetch = (url, init) => {
    urls.push(url);
    return fetch(url, init);
  };
  const alias = `${scripted.origin}/mtls/par`;
  await pushAuthorizationRequest(pushable(scripted), client, required, {
    authentication: () => ({ url: alias, fetch: withCertificate, parameters: { client_id: client.client_id } }),
  });
  expect(urls).toEqual([alias]);
});
