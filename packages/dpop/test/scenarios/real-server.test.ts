import {
  startAuthorizationServer,
  startProtectedApi,
  type AuthorizationServerHandle,
} from '@oa-internal/authorization-server';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { assertDpopToken, createDpop, createDpopKey, type Dpop } from '@oa/dpop';
import { authorizationUrl, createPkce, exchangeCode, pushAuthorizationRequest } from '@oa/pkce';
import { refreshToken, requestToken, revokeToken } from '@oa/token-endpoint';
import type { AuthorizationServer, RequestParameters, Token } from '@oa/types';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

describe.each([
  ['without nonces', false],
  ['with required nonces', true],
])('oidc-provider %s', (_, dpopNonces) => {
  let server: AuthorizationServerHandle;
  let metadata: AuthorizationServer;
  beforeAll(async () => {
    server = await startAuthorizationServer({ dpopNonces, pushedRequests: 'offered' });
    const response = await fetch(`${server.issuer}/.well-known/oauth-authorization-server`);
    metadata = (await response.json()) as AuthorizationServer;
  });
  afterAll(() => server.close());

  const newDpop = async (now?: () => number): Promise<Dpop> => createDpop(await createDpopKey(), { now });

  /** Logs the user in, and returns what the exchange of the code needs. */
  async function logIn(parameters: RequestParameters, push?: Dpop): Promise<RequestParameters> {
    const { code_verifier, code_challenge } = await createPkce();
    await using receiver = await startScriptedServer(() => ({ body: 'done' }));
    const redirect_uri = `${receiver.origin}/callback`;
    const all = { redirect_uri, state: 'the-state', code_challenge, ...parameters };
    const url =
      push === undefined
        ? authorizationUrl(metadata, server.public, all)
        : (await pushAuthorizationRequest(metadata, server.public, all, { authentication: push.authentication() })).url;
    await server.logIn(url.href);
    const code = new URLSearchParams(receiver.requests[0]?.url.split('?')[1]).get('code');
    expect(code).toEqual(expect.any(String));
    return { code: String(code), code_verifier, redirect_uri };
  }

  const exchange = async (dpop: Dpop, parameters: RequestParameters): Promise<Token> =>
    exchangeCode(metadata, server.public, parameters, { authentication: dpop.authentication() });

  it('binds a token of client credentials to the key', async () => {
    const dpop = await newDpop();
    const before = server.count('/token');
    const options = { authentication: dpop.authentication() };
    for (let count = 0; count < 3; count += 1) {
      const token = await requestToken(metadata, server.confidential, { grant_type: 'client_credentials' }, options);
      assertDpopToken(metadata, token, true);
      expect((await server.introspect(token.access_token))?.jkt).toBe(dpop.jkt);
    }
    // The nonce of the first refusal is known to the other requests.
    expect(server.count('/token') - before).toBe(dpopNonces ? 4 : 3);
  });

  it('accepts the proofs of a machine whose clock is an hour behind', async () => {
    const dpop = await newDpop(() => Date.now() - 3600_000);
    const options = { authentication: dpop.authentication() };
    const parameters = { grant_type: 'client_credentials' };
    const token = await requestToken(metadata, server.confidential, parameters, options);
    expect(token.token_type).toBe('DPoP');
    const before = server.count('/token');
    await requestToken(metadata, server.confidential, parameters, options);
    expect(server.count('/token') - before).toBe(1);
  });

  it.each(['the authorization request', 'a pushed request'])(
    'binds a code to the key by dpop_jkt in %s',
    async (where) => {
      const [dpop, thief] = [await newDpop(), await newDpop()];
      const push = where === 'a pushed request' ? dpop : undefined;
      const parameters = { scope: 'openid offline_access read', dpop_jkt: dpop.jkt };
      const token = await exchange(dpop, await logIn(parameters, push));
      expect((await server.introspect(token.access_token))?.jkt).toBe(dpop.jkt);
      const error = await rejectionOf(exchange(thief, await logIn(parameters, push)));
      expect(error.error).toMatch(/^invalid_(?:grant|dpop_proof)$/);
    },
  );

  it('exchanges a code although the clock is an hour ahead', async () => {
    const dpop = await newDpop(() => Date.now() + 3600_000);
    const token = await exchange(dpop, await logIn({ scope: 'openid', dpop_jkt: dpop.jkt }));
    expect((await server.introspect(token.access_token))?.jkt).toBe(dpop.jkt);
  });

  it('refreshes a bound token with the same key only, and revokes it', async () => {
    const [dpop, thief] = [await newDpop(), await newDpop()];
    const old = await exchange(dpop, await logIn({ scope: 'openid offline_access read', dpop_jkt: dpop.jkt }));
    const refresh = (by: Dpop): Promise<Token> =>
      refreshToken(metadata, server.public, old, {}, { authentication: by.authentication() });
    expect((await rejectionOf(refresh(thief))).error).toBe('invalid_grant');
    const token = await refresh(dpop);
    expect(token.refresh_token).not.toBe(old.refresh_token);
    expect((await server.introspect(token.access_token))?.jkt).toBe(dpop.jkt);
    await revokeToken(metadata, server.public, token, { authentication: dpop.authentication() });
    expect(await server.introspect(token.access_token)).toBeUndefined();
  });

  it('sends proofs that an API verifies with jose', async () => {
    await using api = await startProtectedApi(server, { dpopNonces });
    const dpop = await newDpop();
    const authentication = dpop.authentication();
    const parameters = { grant_type: 'client_credentials', resource: api.url };
    const { access_token } = await requestToken(metadata, server.confidential, parameters, { authentication });
    const get = async (method: string): Promise<number> => {
      const proof = await dpop.proof({ method, url: `${api.url}?page=1`, accessToken: access_token });
      const headers = { authorization: `DPoP ${access_token}`, dpop: proof };
      const response = await fetch(`${api.url}?page=1`, { method, headers });
      dpop.learnFrom(proof, response);
      return response.status;
    };
    expect(await get('GET')).toBe(dpopNonces ? 401 : 200);
    expect([await get('GET'), await get('DELETE'), await get('POST')]).toEqual([200, 200, 200]);
  });
});
