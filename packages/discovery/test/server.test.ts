import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { describe, expect, it } from 'vitest';
import { discover } from '@oa/discovery';
import { fetchAs, HTML, metadata, OPENID, recordEvents, RFC8414, startServer } from './servers.ts';

describe('the issuer of the document', () => {
  it.each([
    ['', '/'],
    ['/', ''],
    ['/t', '/t/'],
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
    await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(`${origin}/`) } }));
    expect((await rejectionOf(discover(server.origin))).message).toContain(
      `issuer, "${server.origin}/". Did you mean that one?`,
    );
    expect((await discover(`${server.origin}/`)).issuer).toBe(`${server.origin}/`);
  });

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
