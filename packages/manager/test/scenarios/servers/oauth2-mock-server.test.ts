import { startMockServer, type OtherServer } from '@oa-internal/other-servers';
import { discover } from '@oa/discovery';
import { exchangeCode } from '@oa/pkce';
import { registerClient } from '@oa/registration';
import type { OAuthEvent } from '@oa/types';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { managerAt, temporaryDirectory } from '../../setup.ts';
import { logIn, login, refresh, type Subject } from './steps.ts';

let server: OtherServer;
let subject: Subject;
beforeEach(async () => {
  server = await startMockServer();
  subject = {
    ...server,
    target: server.issuer,
    credentials: { client_id: 'any-client', scope: 'openid' },
    login,
    tokenPath: '/token',
  };
});
afterEach(() => server.close());

it('oauth2-mock-server: finds the metadata at the OpenID Connect address, logs in, refreshes and logs out', async () => {
  const directory = temporaryDirectory();
  const { manager } = managerAt(directory, { login });
  await manager.getToken(server.issuer, { ...subject.credentials, profile: 'first' });
  expect(server.requests.map(({ method, path, status }) => [method, path, status])).toEqual([
    ['GET', '/.well-known/oauth-authorization-server', 404],
    ['GET', '/.well-known/openid-configuration', 200],
    ['GET', '/authorize', 302],
    ['POST', '/token', 200],
  ]);
  server.requests.length = 0;

  const other = temporaryDirectory();
  const { token } = await logIn(other, subject);
  // It was asked for `openid`, and says what it pleases.
  expect(token).toMatchObject({ scope: 'dummy', id_token: expect.any(String) });
  await refresh(other, subject);
  server.requests.length = 0;
  expect(await managerAt(other).manager.logout(server.issuer, subject.credentials)).toMatchObject({ ok: true });
  expect(server.count('/revoke')).toBe(2);
});

it('oauth2-mock-server: sends no secret for client credentials, since its metadata lists only none', async () => {
  const { manager } = managerAt(temporaryDirectory());
  const token = await manager.getToken(server.issuer, { client_id: 'job', client_secret: 's', scope: 'read' });
  expect(await server.accepts(token.access_token)).toBe(true);
  expect(token.scope).toBe('read');
  const request = server.requests.at(-1);
  expect(request).toMatchObject({ path: '/token', grant_type: 'client_credentials', status: 200 });
  expect(request?.secret).toBeUndefined();
});

it('oauth2-mock-server: uses Basic for a client that is registered for it', async () => {
  const { manager } = managerAt(temporaryDirectory());
  const credentials = { client_id: 'job', client_secret: 's', token_endpoint_auth_method: 'client_secret_basic' };
  expect(await manager.get(server.issuer, credentials)).toMatchObject({ ok: true });
  expect(server.requests.at(-1)).toMatchObject({ path: '/token', secret: 'header' });
});

it('oauth2-mock-server: returns its application/problem+json as http_error', async () => {
  const metadata = await discover(server.issuer);
  const events: OAuthEvent[] = [];
  const grant = { code: 'never-issued', code_verifier: 'v'.repeat(43), redirect_uri: 'http://127.0.0.1:1/callback' };
  const exchange = exchangeCode(metadata, { client_id: 'any-client' }, grant, {
    onEvent: (event) => events.push(event),
  });
  await expect(exchange).rejects.toMatchObject({ code: 'http_error', status: 400, retryable: false });
  expect(events).toEqual([]);
  expect(server.count('/token')).toBe(1);
});

it('oauth2-mock-server: sends no registration, since its metadata has no endpoint for it', async () => {
  const metadata = await discover(server.issuer);
  await expect(registerClient(metadata, {})).rejects.toMatchObject({ code: 'endpoint_missing' });
  expect(await managerAt(temporaryDirectory(), { login }).manager.get(server.issuer, {})).toMatchObject({
    ok: false,
    error: { code: 'client_required' },
  });
  expect(server.count('/register')).toBe(0);
});
