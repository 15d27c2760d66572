import { rejectionOf } from '@oa-internal/testing';
import { inspect } from 'node:util';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import type { Reply } from '@oa-internal/scripted-server';
import { describe, expect, test } from 'vitest';
import { conventionalServer, discover } from '@oa/discovery';
import { as, metadata, OPENID, OUT_OF_SERVICE, pathsOf, recorder, RFC8414, serving } from './servers.ts';

const HTML: Reply = { headers: { 'content-type': 'text/html' }, body: '<!doctype html><title>Welcome</title>' };

describe('E1: where metadata is looked for', () => {
  test('E1: an issuer without a path: RFC 8414, then OpenID Connect, and one request is all it takes', async () => {
    await using server = await serving((origin) => ({ [RFC8414]: { json: metadata(origin, { own: [1] }) } }));
    expect(await discover(server.origin)).toEqual(metadata(server.origin, { own: [1] }));
    expect(pathsOf(server)).toEqual([RFC8414]);
    expect(server.requests[0]).toMatchObject({ method: 'GET', headers: { accept: 'application/json' } });

    await using openid = await serving((origin) => ({ [OPENID]: { json: metadata(origin) } }));
    expect(await discover(openid.origin)).toEqual(metadata(openid.origin));
    expect(pathsOf(openid)).toEqual([RFC8414, OPENID]);
  });

  test.each(['/tenant', '/tenant/', '/a/b'])('E1: an issuer with the path %s', async (path) => {
    const bare = path.replace(/\/$/, '');
    const places = [`${RFC8414}${bare}`, `${OPENID}${bare}`, `${bare}${OPENID}`];
    for (const [index, place] of places.entries()) {
      await using server = await serving((origin) => ({ [place]: { json: metadata(`${origin}${path}`) } }));
      const issuer = `${server.origin}${path}`;
      expect((await discover(issuer)).issuer).toBe(issuer);
      expect(pathsOf(server)).toEqual(places.slice(0, index + 1));
    }
  });

  test('E1: an issuer that ends in a slash is another one, and its well-known URL has no double slash', async () => {
    await using server = await serving((origin) => ({ [RFC8414]: { json: metadata(`${origin}/`) } }));
    expect((await discover(`${server.origin}/`)).issuer).toBe(`${server.origin}/`);
    expect(pathsOf(server)).toEqual([RFC8414]);
  });

  test.each([400, 401, 403, 404, 405, 406, 410, 422])('a document is absent with status %i', async (status) => {
    await using server = await serving((origin) => ({
      [RFC8414]: { status, json: { error: 'nothing_here' } },
      [OPENID]: { json: metadata(origin) },
    }));
    expect((await discover(server.origin)).issuer).toBe(server.origin);
    expect(pathsOf(server)).toEqual([RFC8414, OPENID]);
  });

  test.each<[string, Reply]>([
    ['a web page', HTML],
    ['nothing', { body: '' }],
    ['204', { status: 204 }],
    ['truncated JSON', { body: '{"issuer": "x', headers: { 'content-type': 'application/json' } }],
    ['a list', { json: [] }],
    ['an error in a 200', { json: { error: 'not_found' } }],
    ['a document without endpoints', { json: { issuer: 'x' } }],
    ['a document of another issuer', { json: metadata('https://other.example') }],
    ['500 of a framework that does not know the path', { status: 500, body: 'no route' }],
    ['a redirect to a login page elsewhere', { status: 302, headers: { location: 'https://login.example/' } }],
  ])('the next place is asked after %s', async (_name, reply) => {
    await using server = await serving((origin) => ({ [RFC8414]: reply, [OPENID]: { json: metadata(origin) } }));
    expect((await discover(server.origin)).issuer).toBe(server.origin);
    expect(pathsOf(server)).toEqual([RFC8414, OPENID]);
  });

  test('a redirect within the origin is followed', async () => {
    await using server = await serving((origin) => ({
      [RFC8414]: { status: 301, headers: { location: `${RFC8414}/` } },
      [`${RFC8414}/`]: { json: metadata(origin) },
    }));
    expect((await discover(server.origin)).issuer).toBe(server.origin);
    expect(pathsOf(server)).toEqual([RFC8414, `${RFC8414}/`]);
  });

  test('a real server, over IPv4 and IPv6', async () => {
    for (const host of ['127.0.0.1', '::1'] as const) {
      await using server = await startAuthorizationServer({ host });
      const found = await discover(server.issuer);
      expect(found).toMatchObject({ issuer: server.issuer, token_endpoint: `${server.issuer}/token` });
      expect(found.device_authorization_endpoint).toMatch(server.issuer);
      expect(server.requests.length).toBeLessThanOrEqual(2);
    }
  });
});

describe('E2: the issuer is compared byte for byte', () => {
  test.each([
    ['', '/'],
    ['/', ''],
    ['/t', '/t/'],
    ['/t', '/T'],
    ['/a%20b', '/a b'],
    ['', ':80'],
  ])('E2: issuer "%s" does not take metadata of "%s", and names it where that helps', async (asked, announced) => {
    await using server = await serving((origin) => () => ({ json: metadata(`${origin}${announced}`, {}, origin) }));
    const error = await rejectionOf(discover(`${server.origin}${asked}`));
    expect(error).toMatchObject({ code: 'issuer_mismatch', retryable: false });
  });

  test('E2: what differs in a slash is what was meant', async () => {
    await using server = await serving((origin) => ({ [RFC8414]: { json: metadata(`${origin}/`) } }));
    expect((await rejectionOf(discover(server.origin))).message).toContain(
      `issuer, "${server.origin}/". Did you mean that one?`,
    );
    expect((await discover(`${server.origin}/`)).issuer).toBe(`${server.origin}/`);
  });

  test('E2: another origin is named, and not recommended; what is no issuer is not repeated', async () => {
    await using server = await serving(() => ({ [RFC8414]: { json: metadata('https://evil.example') } }));
    const { message } = await rejectionOf(discover(server.origin));
    expect(message).toContain('https://evil.example');
    expect(message).not.toContain('Did you mean');
    server.script({
      [RFC8414]: { json: metadata('https://as.example/?code=PLANTED\u001B[31m', {}, 'https://as.example') },
    });
    const error = await rejectionOf(discover(server.origin));
    expect(error.code).toBe('issuer_mismatch');
    expect(inspect(error, { depth: 10, showHidden: true }) + JSON.stringify(error)).not.toMatch(/PLANTED|\[31m/);
  });

  test('E2: a mismatch says more than a web page at another place', async () => {
    await using server = await serving(() => ({
      [RFC8414]: HTML,
      [OPENID]: { json: metadata('https://other.example') },
    }));
    expect((await rejectionOf(discover(server.origin))).code).toBe('issuer_mismatch');
  });

  test('E2: a mismatch is never followed by the conventional endpoints', async () => {
    await using server = await serving(() => ({ [OPENID]: { json: metadata('https://other.example') } }));
    const { events, onEvent } = recorder();
    expect((await rejectionOf(discover(server.origin, { onEvent }))).code).toBe('issuer_mismatch');
    expect(events).toEqual([]);
  });
});

describe('E3: https, and http on loopback', () => {
  test.each([
    'http://as.example',
    'http://127.0.0.2',
    'http://localhost.evil.example',
    'http://localhost.',
    'ftp://as.example',
  ])('E3: the issuer %s is refused before anything is sent', async (issuer) => {
    let sent = 0;
    const count: typeof fetch = (...request) => {
      sent += 1;
      return fetch(...request);
    };
    expect(await rejectionOf(discover(issuer, { fetch: count }))).toMatchObject({ code: 'insecure_url' });
    expect(() => conventionalServer(issuer)).toThrow(expect.objectContaining({ code: 'insecure_url' }));
    expect(sent).toBe(0);
  });

  test.each([
    ['token_endpoint', 'http://as.example/token'],
    ['token_endpoint', 'http://127.0.0.1:1/token'],
    ['authorization_endpoint', 'http://as.example/authorize'],
    ['registration_endpoint', 'http://as.example/register'],
    ['device_authorization_endpoint', 'http://localhost/device'],
    ['revocation_endpoint', 'http://as.example/revoke'],
    ['introspection_endpoint', 'http://as.example/introspect'],
  ])('E3: an https issuer whose %s is %s is refused', async (member, endpoint) => {
    const issuer = 'https://as.example';
    await using server = await serving(() => ({ [RFC8414]: { json: metadata(issuer, { [member]: endpoint }) } }));
    const error = await rejectionOf(discover(issuer, { fetch: as(issuer, server) }));
    expect(error).toMatchObject({ code: 'insecure_url', retryable: false });
    expect(error.message).toContain(member);
  });

  test('E3: a loopback issuer may name loopback http and https endpoints, no others', async () => {
    await using server = await serving((origin) => ({
      [RFC8414]: { json: metadata(origin, { token_endpoint: 'https://as.example/token' }) },
    }));
    expect((await discover(server.origin)).token_endpoint).toBe('https://as.example/token');
    await using other = await serving((origin) => ({
      [RFC8414]: { json: metadata(origin, { token_endpoint: 'http://as.example/token' }) },
    }));
    expect((await rejectionOf(discover(other.origin))).code).toBe('insecure_url');
  });

  test.each(['javascript:alert(1)', 'file:///etc/passwd', '/token', 'token', '', 'https://', 7, null])(
    'an endpoint %j is refused, not ignored',
    async (endpoint) => {
      await using server = await serving((origin) => ({
        [RFC8414]: { json: metadata(origin, { token_endpoint: endpoint }) },
      }));
      const error = await rejectionOf(discover(server.origin));
      expect(error.code).toBe('invalid_response');
      expect(error.message).toContain('token_endpoint');
    },
  );
});

describe('E5: the conventional endpoints', () => {
  test('E5: when every place says 4xx, with an event, at the origin of the issuer', async () => {
    await using server = await serving(() => ({}));
    for (const [path, requests] of [
      ['', 2],
      ['/tenant/', 3],
    ] as const) {
      const issuer = `${server.origin}${path}`;
      const { events, onEvent } = recorder();
      const before = server.requests.length;
      const found = await discover(issuer, { onEvent });
      expect(found).toEqual(conventionalServer(issuer));
      expect(found).toEqual({
        issuer,
        authorization_endpoint: `${server.origin}/authorize`,
        token_endpoint: `${server.origin}/token`,
        registration_endpoint: `${server.origin}/register`,
      });
      expect(events).toEqual([{ type: 'discovery_fallback', issuer }]);
      expect(server.requests.length - before).toBe(requests);
    }
  });

  test("E5: not with fallback: 'none', not even when they are remembered", async () => {
    await using server = await serving(() => ({}));
    const cache = new Map();
    await discover(server.origin, { cache });
    const { events, onEvent } = recorder();
    const error = await rejectionOf(discover(server.origin, { cache, fallback: 'none', onEvent }));
    expect(error).toMatchObject({ code: 'metadata_not_found', retryable: false });
    expect(error.message).toContain(server.origin);
    expect(events).toEqual([]);
    expect(server.requests).toHaveLength(4);
  });

  test.each<[string, Reply, string]>([
    ['500', { status: 500 }, 'http_error'],
    ['503', OUT_OF_SERVICE, 'http_error'],
    ['429', { status: 429, headers: { 'retry-after': '900' } }, 'http_error'],
    ['408', { status: 408 }, 'http_error'],
    ['425', { status: 425 }, 'http_error'],
    ['a web page', HTML, 'unexpected_content_type'],
    ['an empty answer', { body: '' }, 'invalid_json'],
    ['a document without token_endpoint', { json: { issuer: 'x' } }, 'invalid_response'],
    ['a redirect elsewhere', { status: 302, headers: { location: 'https://x.example/' } }, 'redirect_refused'],
    ['a body that is too large', { body: ' '.repeat(1_100_000) }, 'response_too_large'],
    ['a server that never answers', { drop: 'never' }, 'timeout'],
    ['a connection that breaks', { drop: 'request' }, 'network_error'],
  ])('E5: never after %s, whichever place answers so', async (_name, reply, code) => {
    for (const place of [RFC8414, OPENID]) {
      await using server = await serving(() => ({ [place]: reply }));
      const { events, onEvent } = recorder();
      const timeout = code === 'timeout' ? 150 : 2500;
      expect(await rejectionOf(discover(server.origin, { onEvent, timeout }))).toMatchObject({ code });
      expect(events.filter(({ type }) => type !== 'retry')).toEqual([]);
    }
  });

  test('a server that is out of service is not asked at the other places', async () => {
    const replies: [Reply, number][] = [
      [OUT_OF_SERVICE, 2500],
      [{ drop: 'never' }, 200],
      [{ drop: 'request' }, 2500],
    ];
    for (const [reply, timeout] of replies) {
      await using server = await serving(() => () => reply);
      const error = await rejectionOf(discover(server.origin, { timeout }));
      expect(error).toMatchObject({ retryable: true });
      expect(new Set(pathsOf(server))).toEqual(new Set([RFC8414]));
    }
  });

  test('the timeout is for all places together', async () => {
    await using server = await serving(() => () => ({ status: 404, delay: 400 }));
    const error = await rejectionOf(discover(`${server.origin}/tenant`, { timeout: 700 }));
    expect(error.code).toBe('timeout');
    expect(server.requests).toHaveLength(2);
  });
});

test.each<[string, unknown]>([
  ['no URL', 'as.example'],
  ['a query', 'https://as.example/?'],
  ['a fragment', 'https://as.example/#'],
  ['a password', 'https://u:p@as.example'],
  ['a space', ' https://as.example'],
  ['a URL object', new URL('https://as.example')],
])('an issuer that is or has %s is a TypeError', async (_name, issuer) => {
  await expect(discover(issuer as string)).rejects.toThrow(/^issuer must be/);
  expect(() => conventionalServer(issuer as string)).toThrow(/^issuer must be/);
});

test('a wrong option is a TypeError', async () => {
  await expect(discover('https://as.example', { fallback: 'guess' as never })).rejects.toThrow(/fallback/);
  await expect(discover('https://as.example', { timeout: -1 })).rejects.toThrow(/timeout/);
});
