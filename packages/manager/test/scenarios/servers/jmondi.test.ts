import { startJmondiServer } from '@oa-internal/other-servers';
import { clientCredentials } from '@oa/client-credentials';
import { conventionalServer } from '@oa/discovery';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { managerAt, temporaryDirectory } from '../../setup.ts';
import { logIn, login, refresh, refuseRefresh, type Subject } from './steps.ts';

let server: Awaited<ReturnType<typeof startJmondiServer>>;
let subject: Subject;
beforeEach(async () => {
  server = await startJmondiServer();
  subject = {
    ...server,
    target: server.issuer,
    credentials: { ...server.public, scope: 'read' },
    login,
    tokenPath: '/token',
  };
});
afterEach(() => server.close());

it('@jmondi/oauth2-server: logs in and refreshes at the conventional endpoints, since it publishes no metadata', async () => {
  const directory = temporaryDirectory();
  const { token, events } = await logIn(directory, subject);
  expect(token.scope).toBe('read');
  expect(events).toContainEqual(expect.objectContaining({ type: 'discovery_fallback', issuer: server.issuer }));
  await refresh(directory, subject);
});

it('@jmondi/oauth2-server: ends the session on invalid_request, its answer to a used refresh token', async () => {
  const directory = temporaryDirectory();
  const { token } = await logIn(directory, subject);
  await refresh(directory, subject);
  const events = await refuseRefresh(directory, subject, String(token.refresh_token));
  expect(events.at(-1)).toMatchObject({ type: 'session_ended', code: 'oauth_error', error: 'invalid_request' });
});

it('@jmondi/oauth2-server: sends the secret in the body, since it neither decodes Basic nor accepts a colon there', async () => {
  const { manager, events } = managerAt(temporaryDirectory());
  const token = await manager.getToken(server.issuer, server.confidential);
  expect(await server.accepts(token.access_token)).toBe(true);
  expect(token.scope).toBeUndefined();
  const requests = server.requests.filter(({ path }) => path === '/token');
  expect(requests.map(({ status, secret }) => [status, secret])).toEqual([
    [401, 'header'],
    [401, 'header'],
    [200, 'body'],
  ]);
  const method = 'client_secret_post';
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'client_authentication_changed', issuer: server.issuer, method }),
  );
  server.requests.length = 0;
  await manager.getToken(server.issuer, { ...server.confidential, scope: 'read write' });
  expect(server.requests).toHaveLength(1);
});

it('@jmondi/oauth2-server: returns invalid_client for a wrong secret', async () => {
  const client = { ...server.confidential, client_secret: 'wrong' };
  await expect(clientCredentials(conventionalServer(server.issuer), client)).rejects.toMatchObject({
    code: 'oauth_error',
    error: 'invalid_client',
    status: 401,
  });
});

it('@jmondi/oauth2-server: revokes at the address that its operator names', async () => {
  const target = { ...conventionalServer(server.issuer), revocation_endpoint: `${server.issuer}/token/revoke` };
  const { manager } = managerAt(temporaryDirectory());
  const { access_token } = await manager.getToken(target, server.confidential);
  server.requests.length = 0;
  expect(await manager.logout(target, server.confidential)).toEqual({ ok: true, value: true });
  expect(server.requests.map(({ path, status }) => [path, status])).toEqual([['/token/revoke', 200]]);
  expect(await server.accepts(access_token)).toBe(false);
});

it('@jmondi/oauth2-server: ends in client_required, since it has no /register', async () => {
  const { manager } = managerAt(temporaryDirectory(), { login });
  expect(await manager.get(server.issuer, { scope: 'read' })).toMatchObject({
    ok: false,
    error: { code: 'client_required', message: expect.stringContaining('pass its client_id') },
  });
  expect(server.count('/register')).toBe(1);
});
