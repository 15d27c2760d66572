import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { describe, expect, it } from 'vitest';
import { requestToken, type ClientAuthentication } from '@oa/token-endpoint';

const client = { client_id: 'c' };
const grant = { grant_type: 'authorization_code', code: 'x' };

const byAssertion: ClientAuthentication = async ({ server, client, url }) => ({
  parameters: {
    client_id: client.client_id,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: `signed for ${server.issuer} at ${url}`,
  },
});

const byProof: ClientAuthentication = ({ client, refusal }) => {
  if (refusal !== undefined && refusal.error !== 'use_dpop_nonce') return undefined;
  const nonce = refusal?.headers.get('dpop-nonce') ?? 'none';
  const { client_id } = client;
  return { headers: { dpop: `proof with ${nonce}` }, parameters: { client_id }, token_type: 'DPoP' };
};

const meek: ClientAuthentication = ({ refusal }) => (refusal === undefined ? {} : undefined);
const silent: ClientAuthentication = () => undefined;
const onlyType: ClientAuthentication = () => ({ token_type: 'DPoP' });

describe('client authentication as a function', () => {
  it('adds an assertion, as private_key_jwt does (RFC 7523 section 2.2)', async () => {
    await using server = await startScriptedServer(() => ({ json: { access_token: 'at', token_type: 'bearer' } }));
    const metadata = { issuer: 'https://as.example/jwt', token_endpoint: `${server.origin}/token` };
    await requestToken(metadata, client, grant, { authentication: byAssertion });
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
    expect(server.requests[0]?.form.get('client_assertion')).toBe(
      `signed for https://as.example/jwt at ${server.origin}/token`,
    );
  });

  it("proves possession with the server's nonce, and makes its token type usable (RFC 9449)", async () => {
    await using server = await startScriptedServer(({ headers }) =>
      headers['dpop'] === 'proof with n1'
        ? { json: { access_token: 'at', token_type: 'dpop' } }
        : { status: 400, json: { error: 'use_dpop_nonce' }, headers: { 'dpop-nonce': 'n1' } },
    );
    const metadata = { issuer: 'https://as.example/dpop', token_endpoint: `${server.origin}/token` };
    const token = await requestToken(metadata, client, grant, { authentication: byProof });
    expect(token).toMatchObject({ access_token: 'at', token_type: 'DPoP' });
    expect(server.requests).toHaveLength(2);
  });

  it('is asked once more at most, and may accept the refusal', async () => {
    await using server = await startScriptedServer(() => ({ status: 401 }));
    const metadata = { issuer: 'https://as.example/no', token_endpoint: `${server.origin}/token` };
    const seen: unknown[] = [];
    const stubborn: ClientAuthentication = ({ refusal }) => {
      seen.push(refusal?.status);
      return {};
    };
    for (const authentication of [stubborn, meek, silent])
      expect((await rejectionOf(requestToken(metadata, client, grant, { authentication }))).status).toBe(401);
    expect(seen).toEqual([undefined, 401]);
    expect(server.requests).toHaveLength(4);
  });

  it('refuses another token type', async () => {
    await using server = await startScriptedServer(() => ({ json: { access_token: 'at', token_type: 'mac' } }));
    const metadata = { issuer: 'https://as.example/mac', token_endpoint: `${server.origin}/token` };
    const error = await rejectionOf(requestToken(metadata, client, grant, { authentication: onlyType }));
    expect(error.code).toBe('unsupported_token_type');
  });
});
