import { startSdkServer } from '@oa-internal/other-servers';
import { clientCredentials } from '@oa/client-credentials';
import { discover } from '@oa/discovery';
import { login as loginWith } from '@oa/loopback';
import { registerClient } from '@oa/registration';
import { refreshToken } from '@oa/token-endpoint';
import { attempt, type OAuthError, type Token } from '@oa/types';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { aged, changeStored, managerAt, temporaryDirectory } from '../../setup.ts';
import { logIn, login, logOut, refresh, refuseRefresh, type Subject } from './steps.ts';

let server: Awaited<ReturnType<typeof startSdkServer>>;
let subject: Subject;
beforeEach(async () => {
  server = await startSdkServer();
  subject = { ...server, target: server.issuer, credentials: { scope: 'tools' }, login, tokenPath: '/token' };
});
afterEach(() => server.close());

it('@modelcontextprotocol/sdk: registers, logs in, refreshes and logs out', async () => {
  const directory = temporaryDirectory();
  const { token, events } = await logIn(directory, subject);
  expect(token).toMatchObject({ scope: 'tools', token_type: 'Bearer' });
  expect(events).toContainEqual({ type: 'registered', issuer: server.issuer });
  await refresh(directory, subject);
  await logOut(directory, subject, '/revoke');
});

it('@modelcontextprotocol/sdk: takes the empty scope that it returns as none', async () => {
  const { token } = await logIn(temporaryDirectory(), { ...subject, credentials: {} });
  expect(token).not.toHaveProperty('scope');
});

it('@modelcontextprotocol/sdk: uses the registration of the first login for the second', async () => {
  const directory = temporaryDirectory();
  const paths: string[] = [];
  for (const profile of ['home', 'work']) {
    const { manager } = managerAt(directory, { login });
    await manager.getToken(server.issuer, { scope: 'tools', profile });
    paths.push(...server.requests.splice(0).map(({ path }) => path));
  }
  expect(paths).toEqual([
    '/.well-known/oauth-authorization-server',
    '/register',
    '/authorize',
    '/token',
    '/authorize',
    '/token',
  ]);
});

it('@modelcontextprotocol/sdk: ends the session on a used refresh token', async () => {
  const directory = temporaryDirectory();
  const { token } = await logIn(directory, subject);
  await refresh(directory, subject);
  const events = await refuseRefresh(directory, subject, String(token.refresh_token));
  expect(events).toContainEqual({
    type: 'session_ended',
    issuer: server.issuer,
    code: 'oauth_error',
    error: 'invalid_grant',
  });
});

it('@modelcontextprotocol/sdk: registers and logs in again where the server has lost its clients (400 invalid_client)', async () => {
  const directory = temporaryDirectory();
  await logIn(directory, subject);
  server.forgetClients();
  await changeStored(directory, (token) => aged(token, -1));
  const { manager } = managerAt(directory, { login });
  const token = await manager.getToken(server.issuer, subject.credentials);
  expect(await server.accepts(token.access_token)).toBe(true);
  expect(server.requests.map(({ path, status }) => [path, status])).toEqual([
    ['/token', 400],
    ['/register', 201],
    ['/authorize', 302],
    ['/token', 200],
  ]);
});

it('@modelcontextprotocol/sdk: has one issuer, with or without the slash that it publishes (RFC 3986 section 6.2.3)', async () => {
  const without = server.issuer.slice(0, -1);
  expect((await discover(without)).issuer).toBe(server.issuer);
  const directory = temporaryDirectory();
  const { manager } = managerAt(directory, { login });
  const token = await manager.getToken(without, {});
  expect(await server.accepts(token.access_token)).toBe(true);
  expect(await managerAt(directory).manager.getToken(server.issuer, {})).toEqual(token);
  // A caller that starts from the protected resource never types the issuer.
  const ofResource = await manager.getToken({ resource: without }, {});
  expect(await server.accepts(ofResource.access_token)).toBe(true);
});

it.each(['client_secret_post', 'client_secret_basic', undefined])(
  '@modelcontextprotocol/sdk: a client registered for %s gets a secret, and in the end sends it in the body',
  async (method) => {
    const metadata = await discover(server.issuer);
    const asked = { redirect_uris: ['http://127.0.0.1/callback'], application_type: 'web' } as const;
    const client = await registerClient(metadata, { ...asked, ...(method && { token_endpoint_auth_method: method }) });
    expect(client.client_secret).toMatch(/^[0-9a-f]{64}$/);
    expect(client.client_secret_expires_at).toBeGreaterThan(Date.now() / 1000);
    // It registers what it is asked for, and takes the body only, as its metadata says.
    expect(client.token_endpoint_auth_method).toBe(method);
    server.requests.length = 0;
    const token = await loginWith(metadata, client, {}, login);
    expect(await server.accepts(token.access_token)).toBe(true);
    expect(server.requests.at(-1)).toMatchObject({ path: '/token', secret: 'body', status: 200 });
    expect(server.count('/token')).toBe(method === 'client_secret_basic' ? 2 : 1);
  },
);

it('@modelcontextprotocol/sdk: returns its refusal of the client credentials grant', async () => {
  const metadata = await discover(server.issuer);
  const client = await registerClient(metadata, { redirect_uris: [], grant_types: ['client_credentials'] });
  await expect(clientCredentials(metadata, client)).rejects.toMatchObject({
    code: 'oauth_error',
    error: 'unsupported_grant_type',
    status: 400,
  });
});

it('@modelcontextprotocol/sdk: returns the refusal of the 51st token request in 15 minutes without waiting for it to end', async () => {
  const metadata = await discover(server.issuer);
  const client = await registerClient(metadata, { redirect_uris: ['http://127.0.0.1/callback'] });
  const token: Token = { access_token: 'a', token_type: 'Bearer', refresh_token: 'never-issued' };
  let last: OAuthError | undefined;
  for (let count = 0; count <= 50; count += 1) {
    const result = await attempt(refreshToken(metadata, client, token));
    if (!result.ok) last = result.error;
  }
  expect(last).toMatchObject({ code: 'oauth_error', error: 'too_many_requests', status: 429, retryable: true });
  expect(last?.retryAfter).toBeGreaterThan(800);
  expect(server.count('/token')).toBe(51);
});
