import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startNodeOauthServer } from '@oa-internal/other-servers';
import { clientCredentials } from '@oa/client-credentials';
import { discover } from '@oa/discovery';
import type { OAuthEvent } from '@oa/types';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { aged, authorizationUrlAt, changeStored, managerAt, storedTokens, temporaryDirectory } from '../../setup.ts';
import { logIn, login, refresh, refuseRefresh, type Subject } from './steps.ts';

let server: Awaited<ReturnType<typeof startNodeOauthServer>>;
let subject: Subject;
beforeEach(async () => {
  // It compares redirect URIs as they are, so the port must be registered.
  const port = await freePort();
  server = await startNodeOauthServer(`http://127.0.0.1:${port}/callback`);
  subject = {
    ...server,
    target: server.metadata,
    credentials: { grant_type: 'authorization_code', ...server.desktop, scope: 'read write' },
    login: { ...login, port },
    tokenPath: '/oauth/token',
  };
});
afterEach(() => server.close());

async function freePort(): Promise<number> {
  const other = createServer();
  await new Promise<void>((resolve) => {
    other.listen(0, '127.0.0.1', resolve);
  });
  const { port } = other.address() as AddressInfo;
  await new Promise((resolve) => {
    other.close(resolve);
  });
  return port;
}

const changed = (): OAuthEvent => ({
  type: 'client_authentication_changed',
  issuer: server.issuer,
  method: 'client_secret_basic_unencoded',
});

it('@node-oauth/oauth2-server: learns once that it does not decode Basic', async () => {
  const { manager, events } = managerAt(temporaryDirectory());
  const token = await manager.getToken(server.metadata, server.confidential);
  expect(await server.accepts(token.access_token)).toBe(true);
  expect(token.scope).toBeUndefined();
  expect([3599, 3600]).toContain(token.expires_in);
  expect(server.requests.map(({ status, secret }) => [status, secret])).toEqual([
    [401, 'header'],
    [200, 'header'],
  ]);
  expect(events).toContainEqual(changed());
  server.requests.length = 0;
  await manager.getToken(server.metadata, { ...server.confidential, profile: 'other' });
  expect(server.requests).toHaveLength(1);
});

it('@node-oauth/oauth2-server: logs in and refreshes with a secret; the code survives the refused Basic', async () => {
  const { manager, events } = managerAt(temporaryDirectory(), { login: subject.login });
  const result = await manager.getToken(server.metadata, subject.credentials);
  expect(result).toMatchObject({ scope: 'read write' });
  expect(events).toContainEqual(changed());
  expect(server.requests.map(({ path, status }) => [path, status])).toEqual([
    ['/oauth/authorize', 302],
    ['/oauth/token', 401],
    ['/oauth/token', 200],
  ]);
  server.requests.length = 0;
  const directory = temporaryDirectory();
  await logIn(directory, subject);
  await refresh(directory, subject);
});

it('@node-oauth/oauth2-server: ends the session on a used refresh token', async () => {
  const directory = temporaryDirectory();
  const { manager } = managerAt(directory, { login: subject.login });
  const token = await manager.getToken(server.metadata, subject.credentials);
  server.requests.length = 0;
  await refresh(directory, subject);
  const events = await refuseRefresh(directory, subject, String(token.refresh_token));
  expect(events.at(-1)).toMatchObject({ type: 'session_ended', code: 'oauth_error', error: 'invalid_grant' });
});

it('@node-oauth/oauth2-server: logs a public client in, and returns its refusal to refresh without a secret', async () => {
  const directory = temporaryDirectory();
  const publicly = { ...subject, credentials: { ...server.public, scope: 'read' } };
  await logIn(directory, publicly);
  const before = await changeStored(directory, (token) => aged(token, -1));
  const { manager } = managerAt(directory, { interaction: 'never' });
  expect(await manager.get(server.metadata, publicly.credentials)).toMatchObject({
    ok: false,
    error: { code: 'oauth_error', error: 'invalid_client', status: 400, retryable: false },
  });
  expect(server.count('/oauth/token')).toBe(1);
  expect(storedTokens(directory)).toEqual([before]);
});

it('@node-oauth/oauth2-server: returns access_denied, without a token request, where the user denies the login', async () => {
  const openBrowser = async (startUrl: string): Promise<Response> =>
    fetch(`${(await authorizationUrlAt(startUrl)).href}&allowed=false`);
  const denying = { ...subject.login, openBrowser };
  const { manager } = managerAt(temporaryDirectory(), { login: denying });
  expect(await manager.get(server.metadata, server.public)).toMatchObject({
    ok: false,
    error: { code: 'oauth_error', error: 'access_denied', error_description: expect.stringContaining('user denied') },
  });
  expect(server.count('/oauth/token')).toBe(0);
});

it('@node-oauth/oauth2-server: ends in login_timeout, since it refuses a redirect URI with another port', async () => {
  const { manager } = managerAt(temporaryDirectory(), { login: { ...login, timeout: 300 } });
  expect(await manager.get(server.metadata, server.public)).toMatchObject({
    ok: false,
    error: { code: 'login_timeout' },
  });
  await expect.poll(() => server.requests).toMatchObject([{ path: '/oauth/authorize', status: 400 }]);
});

it('@node-oauth/oauth2-server: returns invalid_client for a wrong secret', async () => {
  const client = { ...server.confidential, client_secret: 'wrong' };
  await expect(clientCredentials(server.metadata, client)).rejects.toMatchObject({
    code: 'oauth_error',
    error: 'invalid_client',
    status: 401,
  });
  expect(server.requests).toHaveLength(1);
});

it('@node-oauth/oauth2-server: guesses no endpoint with the fallback none, since it publishes no metadata', async () => {
  await expect(discover(server.issuer, { fallback: 'none' })).rejects.toMatchObject({ code: 'metadata_not_found' });
  expect(server.requests.map(({ status }) => status)).toEqual([404, 404]);
});
