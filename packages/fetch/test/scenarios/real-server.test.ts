import {
  startAuthorizationServer,
  startProtectedApi,
  type AuthorizationServerHandle,
} from '@oa-internal/authorization-server';
import type { Token, TokenSource } from '@oa/types';
import { expect, it } from 'vitest';
import { createFetch } from '@oa/fetch';
import { authorizationsOf, startServer } from '../servers.ts';

/** A source whose first token is old, and whose others are of the real server. */
function createRealSource(server: AuthorizationServerHandle, resource: string): TokenSource {
  return async (options) => {
    if (options?.rejected === undefined) return { access_token: 'stale', token_type: 'Bearer' };
    const response = await fetch(`${server.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        resource,
        client_id: server.confidential.client_id,
        client_secret: server.confidential.client_secret,
      }),
    });
    return (await response.json()) as Token;
  };
}

it('replaces a token that a real API refuses with one of a real server', async () => {
  await using server = await startAuthorizationServer();
  await using protectedApi = await startProtectedApi(server);
  const response = await createFetch(createRealSource(server, protectedApi.url))(protectedApi.url);
  expect(await response.json()).toMatchObject({ hello: server.confidential.client_id });
  expect(protectedApi.requests.map((request) => request.status)).toEqual([401, 200]);
  expect(server.count('/token', 'client_credentials')).toBe(1);
});

it.each([
  ['no challenge', undefined],
  ['a challenge of another scheme', 'Basic realm="api"'],
  ['invalid_request', 'Bearer error="invalid_request"'],
  ["an error of the API's own", 'Bearer error="token_expired"'],
])(
  'costs one token of a real server and two requests for a POST that an API refuses with a 401 with %s (RFC 9110 section 15.5.2)',
  async (_, challenge) => {
    await using server = await startAuthorizationServer();
    await using protectedApi = await startProtectedApi(server);
    // In front of the real API, as many gateways are: the answer to an old token is its own.
    const gateway = await startServer(({ headers, body }) =>
      headers.authorization === 'Bearer stale'
        ? { status: 401, headers: challenge === undefined ? {} : { 'www-authenticate': challenge } }
        : { json: { body } },
    );
    const call = createFetch(createRealSource(server, protectedApi.url));
    expect(await (await call(gateway.origin, { method: 'POST', body: 'kept' })).json()).toEqual({ body: 'kept' });
    const [, second] = authorizationsOf(gateway.requests);
    expect(gateway.requests).toHaveLength(2);
    expect(server.count('/token', 'client_credentials')).toBe(1);
    // The second token is good at the real API.
    const accepted = await fetch(protectedApi.url, { headers: { authorization: second ?? '' } });
    expect(accepted.status).toBe(200);
  },
);
