import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { startScriptedServer, type RecordedRequest } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { createDpop, createDpopKey } from '@oa/dpop';
import { userInfo } from '@oa/identity';
import { authorizationUrl, createPkce, exchangeCode } from '@oa/pkce';
import type { AuthorizationServer } from '@oa/types';
import { decodeJwt, EmbeddedJWK, jwtVerify } from 'jose';
import { expect, it } from 'vitest';

it.each([false, true])('asks oidc-provider with a proof, with required nonces: %s', async (dpopNonces) => {
  await using server = await startAuthorizationServer({ dpopNonces });
  await using receiver = await startScriptedServer(() => ({}));
  const response = await fetch(`${server.issuer}/.well-known/oauth-authorization-server`);
  const metadata = (await response.json()) as AuthorizationServer;
  const dpop_key = await createDpopKey();
  const authentication = (await createDpop(dpop_key)).authentication();
  const { code_verifier, code_challenge } = await createPkce();
  const redirect_uri = `${receiver.origin}/callback`;
  const parameters = { redirect_uri, state: 's', code_challenge, scope: 'openid' };
  await server.logIn(authorizationUrl(metadata, server.public, parameters).href);
  const code = new URL(receiver.requests[0]?.url ?? '', receiver.origin).searchParams.get('code') ?? '';
  const token = await exchangeCode(metadata, server.public, { code, code_verifier, redirect_uri }, { authentication });
  expect(await userInfo(metadata, { ...token, dpop_key })).toEqual({ sub: 'ada' });
  // Without its key the token is of no use.
  expect(await rejectionOf(userInfo(metadata, token))).toMatchObject({ status: 401 });
});

const nonceOf = ({ headers }: RecordedRequest): unknown => decodeJwt(String(headers['dpop']))['nonce'];
const token = async (): Promise<Parameters<typeof userInfo>[1]> => ({
  access_token: 'PLANTED-TOKEN',
  token_type: 'DPoP',
  dpop_key: await createDpopKey(),
});

it('answers a nonce once, and makes another proof for each request', async () => {
  await using server = await startScriptedServer((request, index) => {
    if (index === 0) return { status: 503, headers: { 'dpop-nonce': 'n0' } };
    const challenge = { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'n1' };
    return nonceOf(request) === 'n1'
      ? { json: { sub: '1' }, headers: { 'dpop-nonce': 'n2' } }
      : { status: 401, headers: challenge };
  });
  const metadata = { issuer: server.origin, token_endpoint: '', userinfo_endpoint: `${server.origin}/userinfo` };
  expect(await userInfo(metadata, await token())).toEqual({ sub: '1' });
  expect(server.requests.map(nonceOf)).toEqual([undefined, undefined, 'n1']);
  // The nonce of a success is for the next request.
  server.script(() => ({ json: { sub: '2' }, headers: { 'dpop-nonce': 'n3' } }));
  expect(await userInfo(metadata, await token())).toEqual({ sub: '2' });
  expect(server.requests.map(nonceOf).slice(3)).toEqual(['n2']);
  const proofs = await Promise.all(
    server.requests.slice(0, 3).map(async ({ headers }) => {
      const { payload } = await jwtVerify(String(headers['dpop']), EmbeddedJWK, { typ: 'dpop+jwt' });
      return payload.jti;
    }),
  );
  expect(new Set(proofs).size).toBe(3);
  expect(new Set(server.requests.map(({ headers }) => headers.authorization))).toEqual(new Set(['DPoP PLANTED-TOKEN']));
});

it('rejects with the refusal of a server that asks for a nonce again, and shows neither key nor proof', async () => {
  const planted = await token();
  await using server = await startScriptedServer(({ headers }, index) => ({
    status: 401,
    headers: { 'dpop-nonce': `n${index}` },
    json: { error: 'use_dpop_nonce', error_description: `not ${String(headers['dpop'])}` },
  }));
  const metadata = { issuer: server.origin, token_endpoint: '', userinfo_endpoint: `${server.origin}/userinfo` };
  const error = await rejectionOf(userInfo(metadata, planted));
  expect(error).toMatchObject({ code: 'oauth_error', error: 'use_dpop_nonce' });
  expect(server.requests).toHaveLength(2);
  const proofs = server.requests.flatMap(({ headers }) => String(headers['dpop']).split('.'));
  for (const secret of ['PLANTED', planted.dpop_key?.d ?? '', ...proofs])
    expect(inspectAll(error)).not.toContain(secret);
});
