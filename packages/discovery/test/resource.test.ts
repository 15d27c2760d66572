import { rejectionOf } from '@oa-internal/testing';
import { inspect } from 'node:util';
import { startAuthorizationServer, startProtectedApi } from '@oa-internal/authorization-server';
import type { Reply } from '@oa-internal/scripted-server';
import { expect, test } from 'vitest';
import { discover, discoverResource, parseChallenges } from '@oa/discovery';
import { as, OUT_OF_SERVICE, pathsOf, RESOURCE, serving } from './servers.ts';

const AS = 'https://as.example';

test('E4: the URL of the challenge, verbatim and alone', async () => {
  await using server = await serving((origin) => ({
    '/meta': { json: { resource: `${origin}/v1`, authorization_servers: [AS], own: 'kept' } },
  }));
  const challenge = `DPoP algs="ES256", Bearer error="invalid_token", resource_metadata="${server.origin}/meta?a=b%20c&d"`;
  const expected = { resource: `${server.origin}/v1`, authorization_servers: [AS], own: 'kept' };
  expect(await discoverResource(`${server.origin}/v1/things?x=1`, { challenge })).toEqual(expected);
  const [, bearer] = parseChallenges(challenge);
  expect(await discoverResource(new URL(`${server.origin}/v1`), { challenge: bearer ?? '' })).toEqual(expected);
  expect(pathsOf(server)).toEqual(['/meta?a=b%20c&d', '/meta?a=b%20c&d']);
});

test('E4: without a challenge the inserted form, then the root', async () => {
  await using server = await serving((origin) => ({ [`${RESOURCE}/v1/things`]: { json: { resource: origin } } }));
  expect(await discoverResource(`${server.origin}/v1/things/?secret=1#x`)).toEqual({ resource: server.origin });
  expect(pathsOf(server)).toEqual([`${RESOURCE}/v1/things`]);
  await using root = await serving((origin) => ({ [RESOURCE]: { json: { resource: `${origin}/` } } }));
  expect(await discoverResource(`${root.origin}/v1`)).toEqual({ resource: `${root.origin}/` });
  expect(await discoverResource(root.origin)).toEqual({ resource: `${root.origin}/` });
  expect(pathsOf(root)).toEqual([`${RESOURCE}/v1`, RESOURCE, RESOURCE]);
});

test.each(['Basic realm="x"', '', 'Bearer resource_metadata=', 'Bearer resource_metadata="nonsense"'])(
  'E4: a challenge that names no usable URL (%s) leads to the well-known ones',
  async (challenge) => {
    await using server = await serving((origin) => ({ [RESOURCE]: { json: { resource: origin } } }));
    expect(await discoverResource(server.origin, { challenge })).toEqual({ resource: server.origin });
    expect(pathsOf(server)).toEqual([RESOURCE]);
  },
);

test.each<[string, Reply]>([
  ['404', { status: 404 }],
  ['401', { status: 401 }],
  ['a web page', { headers: { 'content-type': 'text/html' }, body: '<p>' }],
  ['a document without resource', { json: { authorization_servers: [AS] } }],
])('E4: %s lets the next place be asked', async (_name, reply) => {
  await using server = await serving((origin) => ({
    '/meta': reply,
    [`${RESOURCE}/v1`]: reply,
    [RESOURCE]: { json: { resource: origin } },
  }));
  const challenge = `Bearer resource_metadata="${server.origin}/meta"`;
  expect(await discoverResource(`${server.origin}/v1`, { challenge })).toEqual({ resource: server.origin });
  expect(pathsOf(server)).toEqual(['/meta', `${RESOURCE}/v1`, RESOURCE]);
});

test.each([
  ['/api', '/api'],
  ['/api', '/api/'],
  ['/api', '/api/things'],
  ['/api', '/api?tenant=1'],
  ['/api/', '/api'],
  ['/api/', '/api/things'],
  ['', '/anything'],
  ['/', '/'],
  ['/api?tenant=1', '/api/things?tenant=1'],
])('E4: the resource "%s" covers "%s" and comes back as it was written', async (resource, asked) => {
  await using server = await serving((origin) => () => ({ json: { resource: origin + resource } }));
  expect((await discoverResource(server.origin + asked)).resource).toBe(server.origin + resource);
});

test.each([
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
])('E4: the resource "%s" does not cover "%s", and that is the end', async (resource, asked) => {
  await using server = await serving((origin) => () => ({ json: { resource: origin + resource } }));
  const error = await rejectionOf(discoverResource(server.origin + asked));
  expect(error).toMatchObject({ code: 'resource_mismatch', retryable: false });
  expect(server.requests).toHaveLength(1);
});

test.each(['https://evil.example/api', 'api', 'http://user@127.0.0.1/api', 'http://[::1]/api'])(
  'E4: the resource %s is on another origin',
  async (resource) => {
    await using server = await serving(() => () => ({ json: { resource } }));
    expect((await rejectionOf(discoverResource(`${server.origin}/api`))).code).toBe('resource_mismatch');
  },
);

test('E4: another port is another origin, and so is a user name', async () => {
  await using server = await serving((origin) => () => ({ json: { resource: origin.replace('//', '//user@') } }));
  expect((await rejectionOf(discoverResource(server.origin))).code).toBe('resource_mismatch');
  server.script(() => ({ json: { resource: 'http://127.0.0.1:1' } }));
  expect((await rejectionOf(discoverResource(server.origin))).code).toBe('resource_mismatch');
});

test('A9: several authorization servers and scopes come back in order; null members do not', async () => {
  const document = { authorization_servers: [AS, 'https://other.example/t'], scopes_supported: ['b', 'a'] };
  await using server = await serving((origin) => () => ({
    json: { resource: origin, ...document, bearer_methods_supported: null },
  }));
  expect(await discoverResource(server.origin)).toEqual({ resource: server.origin, ...document });
});

test.each([
  'as.example',
  'https://as.example/?x',
  'https://as.example/#',
  'ftp://as.example',
  'https://u@as.example',
  '',
])('an authorization server "%s" is refused', async (issuer) => {
  await using server = await serving((origin) => () => ({
    json: { resource: origin, authorization_servers: [AS, issuer] },
  }));
  expect((await rejectionOf(discoverResource(server.origin))).code).toBe('invalid_response');
});

test('E3: plain http is refused, in the URL and in the challenge', async () => {
  expect(await rejectionOf(discoverResource('http://api.example/v1?token=PLANTED'))).toMatchObject({
    code: 'insecure_url',
  });
  await using server = await serving(() => ({}));
  const challenge = 'Bearer resource_metadata="http://api.example/meta?token=PLANTED"';
  const error = await rejectionOf(discoverResource(server.origin, { challenge }));
  expect(error.code).toBe('insecure_url');
  expect(inspect(error, { depth: 10, showHidden: true }) + JSON.stringify(error)).not.toContain('PLANTED');
});

test('E3: a resource on the network names nothing on this machine', async () => {
  const asked = 'https://api.example/v1';
  let document: object = { resource: asked, authorization_servers: [AS] };
  await using server = await serving(() => () => ({ json: document }));
  const fetch = as('https://api.example', server);
  const local = `Bearer resource_metadata="${server.origin}/meta"`;
  expect((await rejectionOf(discoverResource(asked, { fetch, challenge: local }))).code).toBe('insecure_url');
  expect(server.requests).toHaveLength(0);
  expect(await discoverResource(asked, { fetch })).toEqual(document);
  document = { resource: asked, authorization_servers: [AS, 'http://127.0.0.1:1'] };
  expect((await rejectionOf(discoverResource(asked, { fetch }))).code).toBe('invalid_response');
});

test('nothing published, or a server out of service', async () => {
  await using server = await serving(() => ({}));
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

test('what is no URL is a TypeError; an abort ends it with its reason', async () => {
  await expect(discoverResource('/v1')).rejects.toThrow(TypeError);
  await using server = await serving(() => () => ({ drop: 'never' }));
  const reason = new Error('enough');
  await expect(discoverResource(server.origin, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

test('E4: from the 401 of a real API to its authorization server', async () => {
  await using server = await startAuthorizationServer();
  await using api = await startProtectedApi(server);
  const refused = await fetch(api.url);
  await refused.body?.cancel();
  const challenge = refused.headers.get('www-authenticate') ?? '';
  for (const options of [{ challenge }, {}]) {
    const resource = await discoverResource(api.url, options);
    expect(resource).toMatchObject({ resource: api.url, authorization_servers: [server.issuer] });
    expect((await discover(resource.authorization_servers?.[0] ?? '')).issuer).toBe(server.issuer);
  }
  expect(api.requests).toHaveLength(3);
});
