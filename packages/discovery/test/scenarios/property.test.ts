import { inspectAll } from '@oa-internal/testing';
import * as fc from 'fast-check';
import { isObject, parseJson } from '@oa/mechanisms';
import { attempt, type AuthorizationServer, type Result } from '@oa/types';
import { expect, it } from 'vitest';
import { discover, discoverRequirements, discoverResource } from '@oa/discovery';
import { metadata, RFC8414, startServer } from '../servers.ts';

const runs = Number(process.env['OA_FUZZ_RUNS'] ?? 100);
const SECRET = 'PLANTED-SECRET';

const text = fc.oneof(
  fc.string(),
  fc.webUrl(),
  fc.constantFrom('', 'https://as.example/x', SECRET, `javascript:${SECRET}`, `https://x/?${SECRET}`),
);
const value = fc.oneof(text, fc.jsonValue({ maxDepth: 3 }), fc.array(text, { maxLength: 3 }));
const members = [
  'issuer',
  'token_endpoint',
  'authorization_endpoint',
  'registration_endpoint',
  'scopes_supported',
  'code_challenge_methods_supported',
  'client_id_metadata_document_supported',
  'resource',
  'authorization_servers',
  '__proto__',
  'error',
];
/** Documents that are nearly right, any JSON, and bytes that are not JSON. */
const body = fc.oneof(
  fc.dictionary(fc.constantFrom(...members), value, { maxKeys: 6 }).map((document) => JSON.stringify(document)),
  fc.json(),
  fc.string({ unit: 'binary' }),
);
const type = fc.constantFrom('application/json', 'text/html', 'text/plain', '');

it('property: discover resolves with metadata of this issuer and safe endpoints, or rejects with an OAuthError without a secret', async () => {
  let answer: { body: string; type: string } = { body: '', type: '' };
  await using server = await startServer(() => ({ path }) => {
    // Each run has its own path: the memory of one run must not serve another.
    if (path.endsWith('/right')) return undefined;
    return { body: answer.body.replaceAll('ISSUER', server.origin), headers: { 'content-type': answer.type } };
  });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(body, type, fc.boolean(), async (text, type, right) => {
      run += 1;
      const issuer = `${server.origin}/${run}`;
      const parsed = parseJson(text);
      const document = { ...(isObject(parsed) ? parsed : {}), issuer };
      answer = { body: right ? JSON.stringify(document) : text, type };
      const result = await attempt(discover(issuer, { fallback: 'none', cache: new Map() }));
      expect(wrongIn(result, issuer)).toEqual([]);
    }),
    { numRuns: runs },
  );
}, 600_000);

it('property: discoverResource resolves with metadata that covers the URL, or rejects with an OAuthError', async () => {
  let answer = { body: '', type: '' };
  await using server = await startServer(() => () => ({
    body: answer.body,
    headers: { 'content-type': answer.type },
  }));
  await fc.assert(
    fc.asyncProperty(body, type, fc.webPath(), fc.string(), async (text, type, path, challenge) => {
      answer = { body: text, type };
      const result = await attempt(discoverResource(`${server.origin}${path}`, { challenge }));
      const found = result.ok ? result.value : { resource: server.origin };
      expect(new URL(found.resource).origin).toBe(server.origin);
      for (const issuer of found.authorization_servers ?? []) expect(new URL(issuer).search).toBe('');
    }),
    { numRuns: runs },
  );
}, 600_000);

it('property: discoverRequirements resolves with requirements that a login can use, or rejects with an OAuthError', async () => {
  let answer = { body: '', type: '', challenge: '' };
  await using server = await startServer(() => ({ path }) => {
    const headers = { 'content-type': answer.type, 'www-authenticate': answer.challenge };
    return path === '/api' ? { status: 401, headers } : { body: answer.body, headers };
  });
  const url = `${server.origin}/api`;
  const near = fc
    .record({ scopes_supported: value, authorization_servers: value, resource: fc.constantFrom(url, server.origin) })
    .map((document) => JSON.stringify(document));
  // Loopback addresses only: `resource_metadata` is requested, and a made-up host name would wait for DNS. Nothing connects to port 1.
  const address = fc
    .tuple(fc.constantFrom(server.origin, 'https://127.0.0.1:1', 'http://[::1]:1'), fc.webPath())
    .map(([origin, path]) => `${origin}${path}`);
  const parameter = fc.tuple(
    fc.constantFrom('scope', 'resource_metadata', 'error', 'x'),
    fc.constantFrom('"', ''),
    fc.oneof(fc.string(), address, fc.constantFrom('', SECRET, `javascript:${SECRET}`, `${server.origin}/?${SECRET}`)),
  );
  const challenge = fc
    .array(parameter, { maxLength: 4 })
    .map(
      (parameters) =>
        `Bearer ${parameters.map(([name, quote, value]) => `${name}=${quote}${value}${quote}`).join(', ')}`,
    )
    .map((header) => header.replace(/[^\t\x20-\x7e\x80-\xff]/g, ''));
  await fc.assert(
    fc.asyncProperty(fc.oneof(body, near), type, challenge, async (body, type, challenge) => {
      answer = { body, type, challenge };
      const result = await attempt(discoverRequirements(url));
      if (!result.ok) return;
      const { authorization_servers, resource, scope = 'none' } = result.value;
      expect(new URL(resource).origin).toBe(server.origin);
      expect(`${resource} ${scope} ${authorization_servers.join(' ')}`).toMatch(/^[\x20-\x7e]+$/);
    }),
    { numRuns: runs },
  );
}, 600_000);

it('property: discover refuses an issuer that differs in any character (RFC 8414 section 3.3)', async () => {
  await using server = await startServer(() => () => ({ json: announced }));
  let announced = metadata(server.origin);
  const difference = fc.tuple(fc.nat(60), fc.string({ minLength: 0, maxLength: 3 }), fc.nat(2));
  await fc.assert(
    fc.asyncProperty(difference, async ([at, inserted, removed]) => {
      const issuer = `${server.origin}/tenant/`;
      const other = issuer.slice(0, at) + inserted + issuer.slice(at + removed);
      announced = metadata(other, {}, server.origin);
      const result = await attempt(discover(issuer, { cache: new Map() }));
      const outcome = result.ok ? result.value.issuer : result.error.code;
      const refused = other === '' ? 'invalid_response' : 'issuer_mismatch';
      expect(outcome).toBe(other === issuer ? issuer : refused);
    }),
    { numRuns: runs },
  );
  expect(server.requests[0]?.path).toBe(`${RFC8414}/tenant`);
}, 600_000);

/** Lists what is wrong in a result. An error may show the server's own error texts: the server was never sent a secret. */
function wrongIn(result: Result<AuthorizationServer>, issuer: string): unknown[] {
  if (result.ok) {
    const { value } = result;
    const endpoints = Object.entries(value).filter(([name]) => name.endsWith('_endpoint'));
    const unsafe = endpoints.filter(([, url]) => !/^https?:/.test(new URL(url as string).protocol));
    return value.issuer === issuer ? unsafe : [value.issuer];
  }
  const { error } = result;
  const shown = inspectAll(error);
  return shown.includes(SECRET) && error.code !== 'oauth_error' && error.code !== 'http_error' ? [shown] : [];
}
