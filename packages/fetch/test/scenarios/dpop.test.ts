import { startAuthorizationServer, startProtectedApi } from '@oa-internal/authorization-server';
import { createDpop, createDpopKey } from '@oa/dpop';
import { createFetch } from '@oa/fetch';
import { requestToken } from '@oa/token-endpoint';
import type { AuthorizationServer, Token, TokenSource } from '@oa/types';
import { expect, it } from 'vitest';

it.each([false, true])('uses a bound token at a real API, with required nonces: %s', async (dpopNonces) => {
  await using server = await startAuthorizationServer({ dpopNonces });
  await using api = await startProtectedApi(server, { dpopNonces });
  const published = await fetch(`${server.issuer}/.well-known/oauth-authorization-server`);
  const metadata = (await published.json()) as AuthorizationServer;
  const dpop_key = await createDpopKey();
  const authentication = (await createDpop(dpop_key)).authentication();
  const parameters = { grant_type: 'client_credentials', resource: api.url };
  let token: Token | undefined;
  const source: TokenSource = async (options) => {
    if (token !== undefined && token.access_token !== options?.rejected) return token;
    const granted = await requestToken(metadata, server.confidential, parameters, { authentication });
    token = { ...granted, dpop_key };
    return token;
  };
  const call = createFetch(source);
  for (const method of ['GET', 'POST']) expect((await call(`${api.url}/a?b=c`, { method })).status).toBe(200);
  server.dropAccessTokens();
  expect((await call(api.url)).status).toBe(200);
  const statuses = [200, 200, 401, 200];
  expect(api.requests.map(({ status }) => status)).toEqual(dpopNonces ? [401, ...statuses] : statuses);
  // The token is of no use without the key.
  const stolen = await fetch(api.url, { headers: { authorization: `Bearer ${token?.access_token}` } });
  expect(stolen.status).toBe(401);
  const other = createFetch(async () => ({ ...(token as Token), dpop_key: await createDpopKey() }));
  expect((await other(api.url)).status).toBe(401);
});
