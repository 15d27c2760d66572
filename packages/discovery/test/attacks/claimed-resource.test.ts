import type { Reply, ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { discoverRequirements, discoverResource } from '@oa/discovery';
import { expect, it } from 'vitest';
import { OUT_OF_SERVICE, pathsOf, RESOURCE, startServer } from '../servers.ts';

const ISSUER = 'https://as.example';

/** A host whose path `tenant` claims to belong to the resource `claim`, and `documents` besides. */
async function startHost(
  tenant: string,
  claim: string,
  documents: (origin: string) => Record<string, Reply> = () => ({}),
): Promise<ScriptedServer> {
  return startServer((origin) => ({
    [`${RESOURCE}${tenant}`]: { json: { resource: origin + claim, authorization_servers: [ISSUER] } },
    ...documents(origin),
  }));
}

const published = (resource: string, issuer = ISSUER): Reply => ({
  json: { resource, authorization_servers: [issuer, 'https://other.example'], scopes_supported: ['own'] },
});

it.each<[string, (origin: string) => Reply]>([
  ['publishes nothing', () => ({ status: 404 })],
  ['answers with a page', () => ({ headers: { 'content-type': 'text/html' }, body: '<p>' })],
  ['names another resource', (origin) => published(`${origin}/`)],
  ['names another authorization server', (origin) => published(origin, 'https://evil.example')],
])('refuses a tenant that claims the whole origin, if the origin %s (RFC 9728 section 3.3)', async (_name, root) => {
  await using host = await startHost('/tenant', '', (origin) => ({ [RESOURCE]: root(origin) }));
  const error = await rejectionOf(discoverResource(`${host.origin}/tenant`));
  expect(error).toMatchObject({ code: 'resource_mismatch', retryable: false });
  expect((await rejectionOf(discoverRequirements(`${host.origin}/tenant`))).code).toBe('resource_mismatch');
  expect(pathsOf(host).slice(0, 2)).toEqual([`${RESOURCE}/tenant`, RESOURCE]);
});

it('refuses a challenge that leads to a claim of the whole origin (RFC 9728 section 5.1)', async () => {
  await using host = await startServer((origin) => ({
    '/tenant': { status: 401, headers: { 'www-authenticate': `Bearer resource_metadata="${origin}/tenant/meta"` } },
    '/tenant/meta': { json: { resource: `${origin}/`, authorization_servers: [ISSUER] } },
  }));
  expect((await rejectionOf(discoverRequirements(`${host.origin}/tenant`))).code).toBe('resource_mismatch');
});

it('refuses a tenant that claims the path above it (RFC 9728 section 3.3)', async () => {
  await using host = await startHost('/users/mallory', '/users');
  expect((await rejectionOf(discoverResource(`${host.origin}/users/mallory`))).code).toBe('resource_mismatch');
  expect(pathsOf(host)).toEqual([`${RESOURCE}/users/mallory`, `${RESOURCE}/users`]);
});

it("returns the claimed resource's own metadata, which confirms the claim, after one more request", async () => {
  await using host = await startHost('/v1/things', '/v1', (origin) => ({
    [`${RESOURCE}/v1`]: published(`${origin}/v1`),
  }));
  expect(await discoverResource(`${host.origin}/v1/things`)).toEqual({
    resource: `${host.origin}/v1`,
    authorization_servers: [ISSUER, 'https://other.example'],
    scopes_supported: ['own'],
  });
  expect(pathsOf(host)).toEqual([`${RESOURCE}/v1/things`, `${RESOURCE}/v1`]);
});

it.each<[string, string, string, string]>([
  ['the metadata of the origin', RESOURCE, '/v1/things', '/v1'],
  ['the metadata of the resource itself', `${RESOURCE}/v1`, '/v1/things', '/v1'],
  ['metadata anywhere, for the very URL that was asked', '/meta', '/v1', '/v1'],
])('needs no other request for %s', async (_name, path, asked, resource) => {
  await using host = await startServer((origin) => ({ [path]: published(origin + resource) }));
  const challenge = `Bearer resource_metadata="${host.origin}${path}"`;
  expect((await discoverResource(host.origin + asked, { challenge })).resource).toBe(host.origin + resource);
  expect(pathsOf(host)).toEqual([path]);
});

it('reports an origin that is out of service as that, so that the program tries again', async () => {
  await using host = await startHost('/tenant', '', () => ({ [RESOURCE]: OUT_OF_SERVICE }));
  expect(await rejectionOf(discoverResource(`${host.origin}/tenant`))).toMatchObject({
    code: 'http_error',
    retryable: true,
  });
});

it('gives all requests one timeout together', async () => {
  await using host = await startHost('/tenant', '', () => ({ [RESOURCE]: { drop: 'never' } }));
  expect((await rejectionOf(discoverResource(`${host.origin}/tenant`, { timeout: 1500 }))).code).toBe('timeout');
});

it.each(['/\n\u001B[31m', '/\u202Evil', '/\u00e9', '/ x'])(
  'refuses a resource with characters that no URI has: %j (RFC 3986 section 2)',
  async (path) => {
    await using host = await startServer((origin) => ({ [RESOURCE]: published(origin + path) }));
    const error = await rejectionOf(discoverResource(new URL(host.origin + path)));
    expect(error.code).toBe('resource_mismatch');
    expect(error.message).toMatch(/^[\x20-\x7e]+$/);
  },
);
