import { startAuthorizationServer, startProtectedApi } from '@oa-internal/authorization-server';
import { expect, it } from 'vitest';
import { discover, discoverResource } from '@oa/discovery';

it('discovers a real server, over IPv4 and IPv6', async () => {
  for (const host of ['127.0.0.1', '::1'] as const) {
    await using server = await startAuthorizationServer({ host });
    const found = await discover(server.issuer);
    expect(found).toMatchObject({ issuer: server.issuer, token_endpoint: `${server.issuer}/token` });
    expect(found.device_authorization_endpoint).toMatch(server.issuer);
    expect(server.requests.length).toBeLessThanOrEqual(2);
  }
});

it('finds the authorization server of a real API from its 401 (RFC 9728 section 5)', async () => {
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

it('reads the document of a real server at the address that the caller names', async () => {
  await using server = await startAuthorizationServer();
  const found = await discover(`${server.issuer}/.well-known/openid-configuration`);
  expect(found).toEqual(await discover(server.issuer));
  expect(found.token_endpoint).toBe(`${server.issuer}/token`);
});
