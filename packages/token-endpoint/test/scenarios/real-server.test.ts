import { rejectionOf } from '@oa-internal/testing';
import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import type { AuthorizationServer } from '@oa/types';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requestToken, revokeToken } from '@oa/token-endpoint';

/** Against oidc-provider, which is certified. */
describe('a real authorization server', () => {
  let handle: AuthorizationServerHandle;
  let server: AuthorizationServer;
  const grant = { grant_type: 'client_credentials' };

  beforeAll(async () => {
    handle = await startAuthorizationServer();
    const answer = await fetch(`${handle.issuer}/.well-known/openid-configuration`);
    server = (await answer.json()) as AuthorizationServer;
  });
  afterAll(() => handle.close());

  it.each(['client_secret_basic', 'client_secret_post'] as const)(
    'receives the secret by %s (RFC 6749 section 2.3.1)',
    async (authentication) => {
      const before = handle.count('/token');
      const token = await requestToken(server, handle.confidential, { ...grant, scope: 'read' }, { authentication });
      expect(token).toMatchObject({ token_type: 'Bearer', scope: 'read' });
      expect(token.expires_at).toBeGreaterThan(Date.now() / 1000);
      expect(handle.count('/token') - before).toBe(1);
    },
  );

  it('refuses a wrong secret with an oauth_error', async () => {
    const wrong = { ...handle.confidential, client_secret: 'planted-wrong' };
    const error = await rejectionOf(requestToken(server, wrong, grant));
    expect(error).toMatchObject({ code: 'oauth_error', error: 'invalid_client', status: 401, retryable: false });
  });

  it('refuses a wrong secret with special characters after two requests: it lists the body, which has one encoding', async () => {
    expect(server.token_endpoint_auth_methods_supported).toContain('client_secret_post');
    const wrong = { ...handle.confidential, client_secret: 'planted wrong/secret~+=' };
    const before = handle.count('/token');
    const error = await rejectionOf(requestToken(server, wrong, grant));
    expect(error).toMatchObject({ error: 'invalid_client', status: 401 });
    expect(error.message).toMatch(
      /Check the client_id, the client_secret .* client_secret_basic, then client_secret_post\.$/,
    );
    expect(handle.count('/token') - before).toBe(2);
    const right = await requestToken(server, handle.confidential, grant);
    expect(right.token_type).toBe('Bearer');
  });

  it('refuses an unknown resource with invalid_target (RFC 8707 section 2)', async () => {
    const error = await rejectionOf(
      requestToken(server, handle.confidential, { ...grant, resource: 'https://other.test/' }),
    );
    expect(error.error).toBe('invalid_target');
    const token = await requestToken(server, handle.confidential, { ...grant, resource: handle.resource });
    expect(token.access_token).not.toBe('');
  });

  it('revokes a token, also a second time (RFC 7009 section 2.2)', async () => {
    const token = await requestToken(server, handle.confidential, grant);
    await revokeToken(server, handle.confidential, token);
    await revokeToken(server, handle.confidential, token);
    expect(handle.requests.filter(({ path }) => path === '/revoke').map(({ status }) => status)).toEqual([200, 200]);
  });
});
