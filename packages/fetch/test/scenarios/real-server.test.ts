import { startAuthorizationServer, startProtectedApi } from '@oa-internal/authorization-server';
import type { Token, TokenSource } from '@oa/types';
import { expect, it } from 'vitest';
import { createFetch } from '@oa/fetch';

it('replaces a token that a real API refuses with one of a real server', async () => {
  await using server = await startAuthorizationServer();
  await using protectedApi = await startProtectedApi(server);
  const obtain: TokenSource = async (options) => {
    if (options?.rejected === undefined) return { access_token: 'stale', token_type: 'Bearer' };
    const response = await fetch(`${server.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        resource: protectedApi.url,
        client_id: server.confidential.client_id,
        client_secret: server.confidential.client_secret,
      }),
    });
    return (await response.json()) as Token;
  };
  const response = await createFetch(obtain)(protectedApi.url);
  expect(await response.json()).toMatchObject({ hello: server.confidential.client_id });
  expect(protectedApi.requests.map((request) => request.status)).toEqual([401, 200]);
  expect(server.count('/token', 'client_credentials')).toBe(1);
});
