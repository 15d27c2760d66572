import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { describe, expect, it } from 'vitest';
import { discover, type CachedMetadata } from '@oa/discovery';
import { fetchAs, HTML, metadata, OPENID, recordEvents, RFC8414, startServer } from './servers.ts';

describe('the issuer of the document', () => {
  it.each([
    ['/t', '/t/'],
    ['/t/', '/t'],
    ['', '//'],
    ['/t', '/T'],
    ['/a%20b', '/a b'],
    ['', ':80'],
  ])(
    'refuses metadata whose issuer differs in any byte: "%s" is not "%s" (RFC 8414 section 3.3)',
    async (asked, published) => {
      await using server = await startServer((origin) => () => ({
        json: metadata(`${origin}${published}`, {}, origin),
      }));
      const error = await rejectionOf(discover(`${server.origin}${asked}`));
      expect(error).toMatchObject({ code: 'issuer_mismatch', retryable: false });
    },
  );

  it('suggests the published issuer if it differs in a slash only (RFC 8414 section 3.3)', async () => {
    await using server = await startServer((origin) => ({ [`${RFC8414}/t`]: { json: metadata(`${origin}/t/`) } }));
    expect((await rejectionOf(discover(`${server.origin}/t`))).message).toContain(
      `issuer, "${server.origin}/t/". Did you mean that one?`,
    );
    expect((await discover(`${server.origin}/t/`)).issuer).toBe(`${server.origin}/t/`);
  });

  it.each([
    ['', '/'],
    ['/', ''],
    ['', ''],
    ['/', '/'],
  ])(
    'takes the issuer "%s" without a path for "%s", with one request and the spelling of the server (RFC 3986 section 6.2.3)',
    async (asked, published) => {
      await using server = await startServer((origin) => ({
        [RFC8414]: { json: metadata(`${origin}${published}`, {}, origin) },
      }));
      const cache = new Map<string, CachedMetadata>();
      const issuer = `${server.origin}${published}`;
      expect((await discover(`${server.origin}${asked}`, { cache })).issuer).toBe(issuer);
      for (const spelling of ['', '/'])
        for (const store of [cache, new Map(cache)])
          expect((await discover(`${server.origin}${spelling}`, { cache: store })).issuer).toBe(issuer);
      expect(server.requests).toHaveLength(1);
      expect([...cache.keys()]).toEqual([server.origin]);
    },
  );

  it('names an issuer on another origin without suggesting it, and does not repeat text that is not an issuer', async () => {
    await using server = await startServer(() => ({ [RFC8414]: { json: metadata('https://evil.example') } }));
    const { message } = await rejectionOf(discover(server.origin));
    expect(message).toContain('https://evil.example');
    expect(message).not.toContain('Did you mean');
    server.script({
      [RFC8414]: { json: metadata('https://as.example/?code=PLANTED\u001B[31m', {}, 'https://as.example') },
    });
    const error = await rejectionOf(discover(server.origin));
    expect(error.code).toBe('issuer_mismatch');
    expect(inspectAll(error)).not.toMatch(/PLANTED|\[31m/);
  });

  it('reports a wrong issuer rather than a web page at another URL', async () => {
    await using server = await startServer(() => ({
      [RFC8414]: HTML,
      [OPENID]: { json: metadata('https://other.example') },
    }));
    expect((await rejectionOf(discover(server.origin))).code).toBe('issuer_mismatch');
  });

  it('never uses the conventional endpoints after a wrong issuer (RFC 8414 section 3.3)', async () => {
    await using server = await startServer(() => ({ [OPENID]: { json: metadata('https://other.example') } }));
    const { events, onEvent } = recordEvents();
    expect((await rejectionOf(discover(server.origin, { onEvent }))).code).toBe('issuer_mismatch');
    expect(events).toEqual([]);
  });
});

describe('a placeholder in the document', () => {
  it('says what to put where, if the server publishes the issuer of no tenant', async () => {
    await using server = await startServer((origin) => ({
      [`/common/v2.0${OPENID}`]: { json: metadata(`${origin}/{tenantid}/v2.0`, {}, origin) },
      [`/0f-1/v2.0${OPENID}`]: { json: metadata(`${origin}/0f-1/v2.0`, {}, origin) },
    }));
    const error = await rejectionOf(discover(`${server.origin}/common/v2.0`));
    expect(error).toMatchObject({
      code: 'issuer_mismatch',
      message:
        `The metadata published for "${server.origin}/common/v2.0" belongs to another issuer, "${server.origin}/{tenantid}/v2.0", with the placeholder {tenantid}. ` +
        'The metadata is for several tenants. Use the issuer of one tenant: put its identifier (not its name) in place of "common".',
    });
    // What the message says.
    expect((await discover(`${server.origin}/0f-1/v2.0`)).issuer).toBe(`${server.origin}/0f-1/v2.0`);
  });

  it.each(['https://<tenant>.example', 'https://as.example/:tenant/v2', 'https://as.example/${TENANT}'])(
    'does not suggest the issuer %s, which can not work',
    async (issuer) => {
      await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(issuer, {}, origin) } }));
      const { code, message } = await rejectionOf(discover(server.origin));
      expect(code).toBe('issuer_mismatch');
      expect(message).toMatch(/Use the issuer of one tenant/);
      expect(message).not.toMatch(/Did you mean|if you trust it/);
    },
  );

  it('refuses an endpoint with a placeholder that every grant needs, and no other one', async () => {
    await using server = await startServer((origin) => ({
      [RFC8414]: { json: metadata(origin, { token_endpoint: `${origin}/{tenant}/token` }) },
    }));
    const error = await rejectionOf(discover(server.origin));
    expect(error.code).toBe('invalid_response');
    expect(error.message).toMatch(/token_endpoint with the placeholder \{tenant\}\. Use the issuer of one tenant/);
    const revocation_endpoint = `${server.origin}/{tenant}/revoke`;
    server.script({ [RFC8414]: { json: metadata(server.origin, { revocation_endpoint }) } });
    expect(await discover(server.origin)).toMatchObject({ revocation_endpoint });
  });
});

describe('the endpoints in the document', () => {
  it.each([
    ['token_endpoint', 'http://as.example/token'],
    ['token_endpoint', 'http://127.0.0.1:1/token'],
    ['authorization_endpoint', 'http://as.example/authorize'],
    ['registration_endpoint', 'http://as.example/register'],
    ['device_authorization_endpoint', 'http://localhost/device'],
    ['revocation_endpoint', 'http://as.example/revoke'],
    ['introspection_endpoint', 'http://as.example/introspect'],
  ])('refuses an https issuer that has the %s %s (OAuth 2.1 section 1.5)', async (member, endpoint) => {
    const issuer = 'https://as.example';
    await using server = await startServer(() => ({ [RFC8414]: { json: metadata(issuer, { [member]: endpoint }) } }));
    const error = await rejectionOf(discover(issuer, { fetch: fetchAs(issuer, server) }));
    expect(error).toMatchObject({ code: 'insecure_url', retryable: false });
    expect(error.message).toContain(member);
  });

  it('accepts https and loopback http endpoints of a loopback issuer, and no others (OAuth 2.1 section 1.5)', async () => {
    await using server = await startServer((origin) => ({
      [RFC8414]: { json: metadata(origin, { token_endpoint: 'https://as.example/token' }) },
    }));
    expect((await discover(server.origin)).token_endpoint).toBe('https://as.example/token');
    await using other = await startServer((origin) => ({
      [RFC8414]: { json: metadata(origin, { token_endpoint: 'http://as.example/token' }) },
    }));
    expect((await rejectionOf(discover(other.origin))).code).toBe('insecure_url');
  });

  it.each(['javascript:alert(1)', 'file:///etc/passwd', '/token', 'token', '', 'https://', 7, null])(
    'refuses, and does not ignore, the token_endpoint %j',
    async (endpoint) => {
      await using server = await startServer((origin) => ({
        [RFC8414]: { json: metadata(origin, { token_endpoint: endpoint }) },
      }));
      const error = await rejectionOf(discover(server.origin));
      expect(error.code).toBe('invalid_response');
      expect(error.message).toContain('token_endpoint');
    },
  );
});

it('does not take a published guessed_after for a guess', async () => {
  await using server = await startServer((origin) => ({
    [RFC8414]: { json: metadata(origin, { guessed_after: ['https://evil.example'] }) },
  }));
  const { events, onEvent } = recordEvents();
  expect(await discover(server.origin, { onEvent })).toEqual(metadata(server.origin));
  expect(events).toEqual([]);
});
