import type { Reply } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { discover } from '@oa/discovery';
import { HTML, metadata, OPENID, OUT_OF_SERVICE, pathsOf, RFC8414, startServer } from './servers.ts';

it('requests the URL of RFC 8414 section 3.1, then that of OpenID Connect, and stops at the first document', async () => {
  await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin, { own: [1] }) } }));
  expect(await discover(server.origin)).toEqual(metadata(server.origin, { own: [1] }));
  expect(pathsOf(server)).toEqual([RFC8414]);
  expect(server.requests[0]).toMatchObject({ method: 'GET', headers: { accept: 'application/json' } });

  await using openid = await startServer((origin) => ({ [OPENID]: { json: metadata(origin) } }));
  expect(await discover(openid.origin)).toEqual(metadata(openid.origin));
  expect(pathsOf(openid)).toEqual([RFC8414, OPENID]);
});

it.each(['/tenant', '/tenant/', '/a/b'])(
  'inserts the path %s of the issuer after the well-known path, then appends OpenID Connect (RFC 8414 sections 3.1 and 5)',
  async (path) => {
    const bare = path.replace(/\/$/, '');
    const places = [`${RFC8414}${bare}`, `${OPENID}${bare}`, `${bare}${OPENID}`];
    for (const [index, place] of places.entries()) {
      await using server = await startServer((origin) => ({ [place]: { json: metadata(`${origin}${path}`) } }));
      const issuer = `${server.origin}${path}`;
      expect((await discover(issuer)).issuer).toBe(issuer);
      expect(pathsOf(server)).toEqual(places.slice(0, index + 1));
    }
  },
);

it('removes the trailing slash of the issuer from the well-known URL only (RFC 8414 section 3.1)', async () => {
  await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(`${origin}/`) } }));
  expect((await discover(`${server.origin}/`)).issuer).toBe(`${server.origin}/`);
  expect(pathsOf(server)).toEqual([RFC8414]);
});

it.each([400, 401, 403, 404, 405, 406, 410, 422])('takes the status %i as an absent document', async (status) => {
  await using server = await startServer((origin) => ({
    [RFC8414]: { status, json: { error: 'nothing_here' } },
    [OPENID]: { json: metadata(origin) },
  }));
  expect((await discover(server.origin)).issuer).toBe(server.origin);
  expect(pathsOf(server)).toEqual([RFC8414, OPENID]);
});

it.each<[string, Reply]>([
  ['a web page', HTML],
  ['an empty body', { body: '' }],
  ['204', { status: 204 }],
  ['truncated JSON', { body: '{"issuer": "x', headers: { 'content-type': 'application/json' } }],
  ['a list', { json: [] }],
  ['an error in a 200', { json: { error: 'not_found' } }],
  ['a document without endpoints', { json: { issuer: 'x' } }],
  ['a document of another issuer', { json: metadata('https://other.example') }],
  ['a 500 of a framework that does not know the path', { status: 500, body: 'no route' }],
  ['a redirect to a login page on another origin', { status: 302, headers: { location: 'https://login.example/' } }],
])('requests the next URL after %s', async (_name, reply) => {
  await using server = await startServer((origin) => ({ [RFC8414]: reply, [OPENID]: { json: metadata(origin) } }));
  expect((await discover(server.origin)).issuer).toBe(server.origin);
  expect(pathsOf(server)).toEqual([RFC8414, OPENID]);
});

it('follows a redirect within the origin', async () => {
  await using server = await startServer((origin) => ({
    [RFC8414]: { status: 301, headers: { location: `${RFC8414}/` } },
    [`${RFC8414}/`]: { json: metadata(origin) },
  }));
  expect((await discover(server.origin)).issuer).toBe(server.origin);
  expect(pathsOf(server)).toEqual([RFC8414, `${RFC8414}/`]);
});

it('does not request the next URL of a server that is out of service', async () => {
  const replies: [Reply, number][] = [
    [OUT_OF_SERVICE, 2500],
    [{ drop: 'never' }, 200],
    [{ drop: 'request' }, 2500],
  ];
  for (const [reply, timeout] of replies) {
    await using server = await startServer(() => () => reply);
    const error = await rejectionOf(discover(server.origin, { timeout }));
    expect(error).toMatchObject({ retryable: true });
    expect(new Set(pathsOf(server))).toEqual(new Set([RFC8414]));
  }
});

it('applies the timeout to all URLs together', async () => {
  await using server = await startServer(() => () => ({ status: 404, delay: 400 }));
  const error = await rejectionOf(discover(`${server.origin}/tenant`, { timeout: 700 }));
  expect(error.code).toBe('timeout');
  expect(server.requests).toHaveLength(2);
});
