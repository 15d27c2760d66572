import {
  startAuthorizationServer,
  startProtectedApi,
  type AuthorizationServerHandle,
} from '@oa-internal/authorization-server';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { createDpop, createDpopKey } from '@oa/dpop';
import { createFetch } from '@oa/fetch';
import { authorizationUrl, createPkce, exchangeCode } from '@oa/pkce';
import { requestToken } from '@oa/token-endpoint';
import type { AuthorizationServer, Token, TokenSource } from '@oa/types';
import { expect, it } from 'vitest';

async function metadataOf({ issuer }: AuthorizationServerHandle): Promise<AuthorizationServer> {
  const response = await fetch(`${issuer}/.well-known/oauth-authorization-server`);
  return (await response.json()) as AuthorizationServer;
}

it.each([false, true])('reads the user of a login at oidc-provider, with required nonces: %s', async (dpopNonces) => {
  await using server = await startAuthorizationServer({ dpopNonces });
  await using receiver = await startScriptedServer(() => ({}));
  const metadata = await metadataOf(server);
  const dpop_key = await createDpopKey();
  const dpop = await createDpop(dpop_key);
  const { code_verifier, code_challenge } = await createPkce();
  const redirect_uri = `${receiver.origin}/callback`;
  const parameters = { redirect_uri, state: 's', code_challenge, scope: 'openid', dpop_jkt: dpop.jkt };
  await server.logIn(authorizationUrl(metadata, server.public, parameters).href);
  const code = new URL(receiver.requests[0]?.url ?? '', receiver.origin).searchParams.get('code') ?? '';
  const authentication = dpop.authentication();
  const token = await exchangeCode(metadata, server.public, { code, code_verifier, redirect_uri }, { authentication });
  const call = createFetch(async () => ({ ...token, dpop_key }));
  for (const method of ['GET', 'POST'])
    expect(await (await call(metadata.userinfo_endpoint ?? '', { method })).json()).toEqual({ sub: 'ada' });
  // The nonce is that of the token endpoint, which has the same origin.
  const { pathname } = new URL(metadata.userinfo_endpoint ?? '');
  expect(server.count(pathname)).toBe(2);
});

it.each([false, true])('uses a bound token at a real API, with required nonces: %s', async (dpopNonces) => {
  await using server = await startAuthorizationServer({ dpopNonces });
  await using api = await startProtectedApi(server, { dpopNonces });
  const metadata = await metadataOf(server);
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
