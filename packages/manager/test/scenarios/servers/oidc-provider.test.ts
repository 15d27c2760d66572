import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { clientCredentials } from '@oa/client-credentials';
import { discover } from '@oa/discovery';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { managerAt, temporaryDirectory } from '../../setup.ts';
import { logIn, logOut, refresh, refuseRefresh, type Subject } from './steps.ts';

let server: AuthorizationServerHandle;
let subject: Subject;
beforeEach(async () => {
  server = await startAuthorizationServer();
  subject = {
    ...server,
    target: server.issuer,
    credentials: { scope: 'openid offline_access read' },
    login: { openBrowser: (url) => server.logIn(url), print: () => {} },
    tokenPath: '/token',
    accepts: async (token) => (await server.introspect(token)) !== undefined,
  };
});
afterEach(() => server.close());

it('oidc-provider: registers, logs in, refreshes and logs out', async () => {
  const directory = temporaryDirectory();
  const { events } = await logIn(directory, subject);
  expect(events).toContainEqual({ type: 'registered', issuer: server.issuer });
  await refresh(directory, subject);
  await logOut(directory, subject, '/revoke');
});

it('oidc-provider: ends the session on a used refresh token', async () => {
  const directory = temporaryDirectory();
  const { token } = await logIn(directory, subject);
  await refresh(directory, subject);
  const events = await refuseRefresh(directory, subject, String(token.refresh_token));
  expect(events.at(-1)).toMatchObject({ type: 'session_ended', code: 'oauth_error', error: 'invalid_grant' });
});

it('oidc-provider: sends a secret that needs the encoding of RFC 6749 section 2.3.1', async () => {
  const { manager, events } = managerAt(temporaryDirectory());
  const token = await manager.getToken(server.issuer, { ...server.confidential, scope: 'read' });
  expect(await subject.accepts(token.access_token)).toBe(true);
  expect(token.scope).toBe('read');
  expect(server.requests.map(({ path }) => path)).toEqual(['/.well-known/oauth-authorization-server', '/token']);
  expect(events.map(({ type }) => type)).toEqual(['grant_needed', 'obtained']);
});

it('oidc-provider: returns invalid_client for a wrong secret', async () => {
  const metadata = await discover(server.issuer);
  await expect(clientCredentials(metadata, { ...server.confidential, client_secret: 'wrong' })).rejects.toMatchObject({
    code: 'oauth_error',
    error: 'invalid_client',
    status: 401,
    retryable: false,
  });
});
