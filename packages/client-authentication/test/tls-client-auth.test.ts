import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { authenticateClient, tlsClientAuth } from '@oa/client-authentication';
import { expect, it } from 'vitest';
import { postGrant } from './post.ts';
import { newMetadata, token } from './requests.ts';

const client = { client_id: 'c', client_secret: 'not-sent' };
const grant = { grant_type: 'client_credentials' };

it('sends client_id in the body with the fetch of the caller, to the alias of the endpoint (RFC 8705 sections 2 and 5)', async () => {
  await using server = await startScriptedServer({ '/mtls/token': { json: token } });
  const urls: unknown[] = [];
  const withCertificate: typeof fetch = (url, init) => {
    urls.push(url);
    return fetch(url, init);
  };
  const other: typeof fetch = () => Promise.reject(new Error('The fetch of the call must not send it.'));
  const metadata = { ...newMetadata(server), mtls_endpoint_aliases: { token_endpoint: `${server.origin}/mtls/token` } };
  const authentication = tlsClientAuth({ fetch: withCertificate });
  await postGrant(metadata, client, grant, { authentication, fetch: other });
  expect(urls).toEqual([`${server.origin}/mtls/token`]);
  expect(Object.fromEntries(server.requests[0]?.form ?? [])).toEqual({ ...grant, client_id: 'c' });
  expect(server.requests[0]?.headers.authorization).toBeUndefined();
});

it.each<[string, unknown, string]>([
  ['no aliases', undefined, 'https://as.example/revoke'],
  ['no alias for this endpoint', { token_endpoint: 'https://mtls.example/token' }, 'https://as.example/revoke'],
  ['an alias', { revocation_endpoint: 'https://mtls.example/revoke' }, 'https://mtls.example/revoke'],
  ['an alias that is no text', { revocation_endpoint: 5 }, 'https://as.example/revoke'],
  ['aliases that are null', null, 'https://as.example/revoke'],
  ['aliases that are a text', 'https://mtls.example/', 'https://as.example/revoke'],
])('chooses the endpoint where the metadata has %s', async (_, mtls_endpoint_aliases, expected) => {
  const server = {
    issuer: 'https://as.example',
    token_endpoint: 'https://as.example/token',
    revocation_endpoint: 'https://as.example/revoke',
    mtls_endpoint_aliases: mtls_endpoint_aliases as Record<string, string>,
  };
  const authentication = tlsClientAuth({ fetch });
  const url = 'https://as.example/revoke';
  expect(await authenticateClient(server, client, { authentication, url })).toEqual({
    headers: {},
    parameters: { client_id: 'c' },
    url: expected,
    fetch,
  });
});

it('sends nothing to an alias without https', async () => {
  const metadata = {
    issuer: 'https://as.example',
    token_endpoint: 'https://as.example/token',
    mtls_endpoint_aliases: { token_endpoint: 'http://mtls.example/token' },
  };
  const sent: unknown[] = [];
  const authentication = tlsClientAuth({ fetch: async (url) => Response.json(sent.push(url)) });
  const error = await rejectionOf(postGrant(metadata, client, grant, { authentication }));
  expect(error.code).toBe('insecure_url');
  expect(sent).toEqual([]);
});

it('accepts a refusal, and says what to check', async () => {
  await using server = await startScriptedServer(() => ({ status: 401, json: { error: 'invalid_client' } }));
  const error = await rejectionOf(
    postGrant(newMetadata(server), client, grant, { authentication: tlsClientAuth({ fetch }) }),
  );
  expect(error.message).toContain(' Check that the option `fetch` of tlsClientAuth presents the certificate');
  expect(server.requests).toHaveLength(1);
});

it.each([undefined, null, {}, { fetch: undefined }, { fetch: 'undici' }])(
  'is a TypeError without a fetch: %j',
  (options) => {
    expect(() => tlsClientAuth(options as never)).toThrow(TypeError);
  },
);
