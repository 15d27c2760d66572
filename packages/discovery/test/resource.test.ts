import type { Reply } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { discoverResource, parseChallenges } from '@oa/discovery';
import { fetchAs, OUT_OF_SERVICE, pathsOf, RESOURCE, startServer } from './servers.ts';

const AS = 'https://as.example';

it('requests the metadata URL of the challenge verbatim, and no other (RFC 9728 section 5.1)', async () => {
  await using server = await startServer((origin) => ({
    '/meta': { json: { resource: `${origin}/v1`, authorization_servers: [AS], own: 'kept' } },
  }));
  const challenge = `DPoP algs="ES256", Bearer error="invalid_token", resource_metadata="${server.origin}/meta?a=b%20c&d"`;
  const expected = { resource: `${server.origin}/v1`, authorization_servers: [AS], own: 'kept' };
  expect(await discoverResource(`${server.origin}/v1?x=1`, { challenge })).toEqual(expected);
  const [, bearer] = parseChallenges(challenge);
  expect(await discoverResource(new URL(`${server.origin}/v1`), { challenge: bearer ?? '' })).toEqual(expected);
  expect(pathsOf(server)).toEqual(['/meta?a=b%20c&d', '/meta?a=b%20c&d']);
});

it('requests the well-known URL of the path, then that of the origin, without a challenge (RFC 9728 section 3.1)', async () => {
  await using server = await startServer((origin) => ({
    [`${RESOURCE}/v1/things`]: { json: { resource: `${origin}/v1/things` } },
  }));
  expect(await discoverResource(`${server.origin}/v1/things/?secret=1#x`)).toEqual({
    resource: `${server.origin}/v1/things`,
  });
  expect(pathsOf(server)).toEqual([`${RESOURCE}/v1/things`]);
  await using root = await startServer((origin) => ({ [RESOURCE]: { json: { resource: `${origin}/` } } }));
  expect(await discoverResource(`${root.origin}/v1`)).toEqual({ resource: `${root.origin}/` });
  expect(await discoverResource(root.origin)).toEqual({ resource: `${root.origin}/` });
  expect(pathsOf(root)).toEqual([`${RESOURCE}/v1`, RESOURCE, RESOURCE]);
});

it.each(['Basic realm="x"', '', 'Bearer resource_metadata=', 'Bearer resource_metadata="nonsense"'])(
  'requests the well-known URLs if the challenge names no usable URL: %s',
  async (challenge) => {
    await using server = await startServer((origin) => ({ [RESOURCE]: { json: { resource: origin } } }));
    expect(await discoverResource(server.origin, { challenge })).toEqual({ resource: server.origin });
    expect(pathsOf(server)).toEqual([RESOURCE]);
  },
);

it.each<[string, Reply]>([
  ['404', { status: 404 }],
  ['401', { status: 401 }],
  ['a web page', { headers: { 'content-type': 'text/html' }, body: '<p>' }],
  ['a document without a resource', { json: { authorization_servers: [AS] } }],
])('requests the next URL after %s (RFC 9728 section 3.1)', async (_name, reply) => {
  await using server = await startServer((origin) => ({
    '/meta': reply,
    [`${RESOURCE}/v1`]: reply,
    [RESOURCE]: { json: { resource: origin } },
  }));
  const challenge = `Bearer resource_metadata="${server.origin}/meta"`;
  expect(await discoverResource(`${server.origin}/v1`, { challenge })).toEqual({ resource: server.origin });
  expect(pathsOf(server)).toEqual(['/meta', `${RESOURCE}/v1`, RESOURCE]);
});

it.each([
  ['/api', '/api'],
  ['/api', '/api/'],
  ['/api', '/api/things'],
  ['/api', '/api?tenant=1'],
  ['/api/', '/api'],
  ['/api/', '/api/things'],
  ['', '/anything'],
  ['/', '/'],
  ['/api?tenant=1', '/api/things?tenant=1'],
])('accepts the resource "%s" for "%s", and returns it unchanged (RFC 9728 section 3.3)', async (resource, asked) => {
  await using server = await startServer((origin) => () => ({ json: { resource: origin + resource } }));
  expect((await discoverResource(server.origin + asked)).resource).toBe(server.origin + resource);
});

it.each([
  ['/api', '/apis'],
  ['/api', '/ap'],
  ['/api', '/'],
  ['/api/things', '/api'],
  ['/api', '/API'],
  ['/api', '/api/../admin'],
  ['/api', '/api/%2e%2e/admin'],
  ['/api?tenant=1', '/api?tenant=2'],
  ['/api?tenant=1', '/api'],
  ['/api#part', '/api'],
])('refuses the resource "%s" for "%s", and sends no other request (RFC 9728 section 3.3)', async (resource, asked) => {
  await using server = await startServer((origin) => () => ({ json: { resource: origin + resource } }));
  const error = await rejectionOf(discoverResource(server.origin + asked));
  expect(error).toMatchObject({ code: 'resource_mismatch', retryable: false });
  expect(server.requests).toHaveLength(1);
});

it.each(['https://evil.example/api', 'api', 'http://user@127.0.0.1/api', 'http://[::1]/api'])(
  'refuses the resource %s on another origin (RFC 9728 section 3.3)',
  async (resource) => {
    await using server = await startServer(() => () => ({ json: { resource } }));
    expect((await rejectionOf(discoverResource(`${server.origin}/api`))).code).toBe('resource_mismatch');
  },
);

it('refuses a resource with another port or with a user name (RFC 9728 section 3.3)', async () => {
  await using server = await startServer((origin) => () => ({ json: { resource: origin.replace('//', '//user@') } }));
  expect((await rejectionOf(discoverResource(server.origin))).code).toBe('resource_mismatch');
  server.script(() => ({ json: { resource: 'http://127.0.0.1:1' } }));
  expect((await rejectionOf(discoverResource(server.origin))).code).toBe('resource_mismatch');
});

it('returns authorization servers and scopes in order, without null members (RFC 9728 section 2)', async () => {
  const document = { authorization_servers: [AS, 'https://other.example/t'], scopes_supported: ['b', 'a'] };
  await using server = await startServer((origin) => () => ({
    json: { resource: origin, ...document, bearer_methods_supported: null },
  }));
  expect(await discoverResource(server.origin)).toEqual({ resource: server.origin, ...document });
});

it.each([
  'as.example',
  'https://as.example/?x',
  'https://as.example/#',
  'ftp://as.example',
  'https://u@as.example',
  '',
])('refuses the authorization server "%s" (RFC 8414 section 2)', async (issuer) => {
  await using server = await startServer((origin) => () => ({
    json: { resource: origin, authorization_servers: [AS, issuer] },
  }));
  expect((await rejectionOf(discoverResource(server.origin))).code).toBe('invalid_response');
});

it('refuses plain http in the URL and in the challenge (OAuth 2.1 section 1.5)', async () => {
  expect(await rejectionOf(discoverResource('http://api.example/v1?token=PLANTED'))).toMatchObject({
    code: 'insecure_url',
  });
  await using server = await startServer(() => ({}));
  const challenge = 'Bearer resource_metadata="http://api.example/meta?token=PLANTED"';
  const error = await rejectionOf(discoverResource(server.origin, { challenge }));
  expect(error.code).toBe('insecure_url');
  expect(inspectAll(error)).not.toContain('PLANTED');
});

it('refuses loopback URLs in the challenge and in the metadata of a resource on the network (OAuth 2.1 section 1.5)', async () => {
  const asked = 'https://api.example/v1';
  let document: object = { resource: asked, authorization_servers: [AS] };
  await using server = await startServer(() => () => ({ json: document }));
  const fetch = fetchAs('https://api.example', server);
  const local = `Bearer resource_metadata="${server.origin}/meta"`;
  expect((await rejectionOf(discoverResource(asked, { fetch, challenge: local }))).code).toBe('insecure_url');
  expect(server.requests).toHaveLength(0);
  expect(await discoverResource(asked, { fetch })).toEqual(document);
  document = { resource: asked, authorization_servers: [AS, 'http://127.0.0.1:1'] };
  expect((await rejectionOf(discoverResource(asked, { fetch }))).code).toBe('invalid_response');
});

it('reports missing metadata, and a server that is out of service', async () => {
  await using server = await startServer(() => ({}));
  const error = await rejectionOf(discoverResource(`${server.origin}/v1?token=PLANTED`));
  expect(error).toMatchObject({ code: 'metadata_not_found', retryable: false });
  expect(error.message).toContain('challenge');
  expect(error.message).not.toContain('PLANTED');
  server.script(() => OUT_OF_SERVICE);
  expect(await rejectionOf(discoverResource(`${server.origin}/v1`))).toMatchObject({
    code: 'http_error',
    retryable: true,
  });
  expect(server.requests).toHaveLength(3);
});

it("rejects a relative URL with a TypeError, and an abort with the signal's own reason", async () => {
  await expect(discoverResource('/v1')).rejects.toThrow(TypeError);
  await using server = await startServer(() => () => ({ drop: 'never' }));
  const reason = new Error('enough');
  await expect(discoverResource(server.origin, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});
