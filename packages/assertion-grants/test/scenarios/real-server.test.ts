// Cross-app access between two real servers: an identity provider, and the server of another application that trusts it.
import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { rejectionOf } from '@oa-internal/testing';
import { exchangeToken, idJag, jwtBearer } from '@oa/assertion-grants';
import type { AssertionRequest, AuthorizationServer, OAuthEvent } from '@oa/types';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const TYPE = 'urn:ietf:params:oauth:token-type:';
const resource = 'https://api.chat.example/';
let provider: AuthorizationServerHandle;
let chat: AuthorizationServerHandle;
let idp: AuthorizationServer;
let server: AuthorizationServer;

beforeAll(async () => {
  provider = await startAuthorizationServer({ trusts: [] });
  chat = await startAuthorizationServer({ trusts: [provider.issuer] });
  idp = { issuer: provider.issuer, token_endpoint: `${provider.issuer}/token` };
  server = { issuer: chat.issuer, token_endpoint: `${chat.issuer}/token` };
});
afterAll(async () => {
  await provider.close();
  await chat.close();
});

/** The ID token of the user `ada` for the client. */
async function idToken(client_id: string, more: object = {}): Promise<string> {
  return provider.sign({ typ: 'JWT' }, { sub: 'ada', aud: client_id, ...more });
}

describe('cross-app access', () => {
  it.each(['public', 'confidential'] as const)(
    'gives a %s client a token of the user at the other server',
    async (kind) => {
      const client = provider[kind];
      const assertion = idJag({ idp, client, subject: await idToken(client.client_id), resource, scope: 'read' });
      const token = await jwtBearer(server, client, { assertion, scope: 'read' });
      expect(token).toMatchObject({ token_type: 'Bearer', scope: 'read' });
      expect(await chat.introspect(token.access_token)).toEqual({
        client_id: client.client_id,
        sub: 'ada',
        scope: 'read',
      });
    },
  );

  it('sends an assertion that jose verifies, for the issuer of the other server and for the client', async () => {
    const client = provider.confidential;
    const source = idJag({ idp, client, subject: await idToken(client.client_id), resource, scope: 'read' });
    const jwks = createRemoteJWKSet(new URL(`${provider.issuer}/jwks`));
    const rules = { issuer: provider.issuer, audience: chat.issuer, typ: 'oauth-id-jag+jwt' };
    const { payload } = await jwtVerify(await source({ audience: chat.issuer }), jwks, rules);
    expect(payload).toMatchObject({ sub: 'ada', client_id: client.client_id, resource, scope: 'read' });
  });

  it('takes a SAML 2 assertion', async () => {
    const xml =
      '<saml2:Assertion ID="a"><saml2:Subject><saml2:NameID>grace</saml2:NameID></saml2:Subject></saml2:Assertion>';
    const subject = Buffer.from(xml).toString('base64url');
    const client = provider.confidential;
    const assertion = idJag({ idp, client, subject, subject_token_type: `${TYPE}saml2` });
    const token = await jwtBearer(server, client, { assertion });
    expect(await chat.introspect(token.access_token)).toMatchObject({ sub: 'grace' });
  });

  it('replaces an assertion that the other server has seen before, once', async () => {
    const client = provider.confidential;
    const source = idJag({ idp, client, subject: await idToken(client.client_id) });
    const used = await source({ audience: chat.issuer });
    await jwtBearer(server, client, { assertion: used });
    const replay = await rejectionOf(jwtBearer(server, client, { assertion: used }));
    expect(replay).toMatchObject({ error: 'invalid_grant', status: 400 });

    const events: OAuthEvent[] = [];
    const assertion = async (request: AssertionRequest): Promise<string> =>
      request.rejected === undefined ? used : source(request);
    await jwtBearer(server, client, { assertion }, { onEvent: (event) => events.push(event) });
    expect(events.map(({ type }) => type)).toEqual(['retry']);
  });

  it('is refused for a client that the assertion is not for, and at a server that it is not for', async () => {
    const subject = await idToken(provider.public.client_id);
    const assertion = idJag({ idp, client: provider.public, subject });
    const other = await rejectionOf(jwtBearer(server, chat.confidential, { assertion }));
    expect(other).toMatchObject({
      error: 'invalid_grant',
      error_description: expect.stringContaining('grant') as string,
    });
    const elsewhere = async (): Promise<string> => assertion({ audience: 'https://elsewhere.example' });
    const refusal = await rejectionOf(jwtBearer(server, provider.public, { assertion: elsewhere }));
    expect(refusal).toMatchObject({ error: 'invalid_grant' });
  });

  it('is refused by the provider for the ID token of another client', async () => {
    const assertion = idJag({ idp, client: provider.public, subject: await idToken('another') });
    const error = await rejectionOf(jwtBearer(server, provider.public, { assertion }));
    expect(error).toMatchObject({ code: 'oauth_error', error: 'invalid_request' });
    expect(error.message).toContain(`${new URL(provider.issuer).host}/token refused the request`);
  });
});

describe('token exchange', () => {
  it('gives an access token for an access token, with an actor, and cuts no lifetime that is not known', async () => {
    const { confidential: client } = provider;
    const first = await exchangeToken(idp, client, {
      subject_token: await idToken(client.client_id),
      subject_token_type: `${TYPE}id_token`,
    });
    const second = await exchangeToken(idp, client, {
      subject_token: first.access_token,
      subject_token_type: `${TYPE}access_token`,
      actor_token: await provider.sign({ typ: 'JWT' }, { sub: 'agent', aud: provider.issuer }),
      actor_token_type: `${TYPE}jwt`,
      requested_token_type: `${TYPE}access_token`,
      audience: 'https://api.example',
      scope: 'read',
    });
    // The ID token lives for 300 seconds.
    expect(first.expires_in).toBeLessThanOrEqual(300);
    expect(second).toMatchObject({ expires_in: 3600, issued_token_type: `${TYPE}access_token`, scope: 'read' });
    expect(await provider.introspect(second.access_token)).toMatchObject({ sub: 'ada', aud: 'https://api.example' });
  });

  it('passes on what the server says of a wrong actor token, and of an unknown parameter', async () => {
    const { confidential: client } = provider;
    const subject = { subject_token: await idToken(client.client_id), subject_token_type: `${TYPE}id_token` };
    const actor = { actor_token: 'planted-actor', actor_token_type: `${TYPE}jwt` };
    const wrong = await rejectionOf(exchangeToken(idp, client, { ...subject, ...actor }));
    expect(wrong.error_description).toMatch(/^actor_token: /);
    const unknown = await rejectionOf(exchangeToken(idp, client, { ...subject, unknown: 'x' }));
    expect(unknown).toMatchObject({ error: 'invalid_request', error_description: 'the parameter unknown is unknown' });
  });
});
