// The session of a user at an identity provider, kept by the manager, as the subject of tokens at the server of another application.
import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { rejectionOf } from '@oa-internal/testing';
import { idJag, jwtBearer, keptIdToken } from '@oa/assertion-grants';
import type { Credentials, Manager } from '@oa/manager';
import type { AuthorizationServer, Token } from '@oa/types';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { aged, changeStored, managerAt, storedTokens, temporaryDirectory } from '../setup.ts';

const CLIENTS = 5;
let provider: AuthorizationServerHandle;
let chat: AuthorizationServerHandle;
let idp: AuthorizationServer;
let server: AuthorizationServer;
let user: Credentials;

beforeAll(async () => {
  provider = await startAuthorizationServer({ trusts: [] });
  chat = await startAuthorizationServer({ trusts: [provider.issuer] });
  idp = { issuer: provider.issuer, token_endpoint: `${provider.issuer}/token` };
  server = { issuer: chat.issuer, token_endpoint: `${chat.issuer}/token` };
  user = { client_id: provider.public.client_id, scope: 'openid offline_access' };
});
afterAll(async () => {
  await provider.close();
  await chat.close();
});
beforeEach(() => {
  provider.requests.length = 0;
});

/** The directory of a program whose user is logged in at the provider. */
async function loggedInDirectory(): Promise<string> {
  const directory = temporaryDirectory();
  const login = { openBrowser: (url: string): Promise<Response> => provider.logIn(url) };
  await managerAt(directory, { login }).manager.getToken(provider.issuer, user);
  provider.requests.length = 0;
  return directory;
}

/** A manager, as another process has it, that asks no user. */
function quietManager(directory: string): Manager {
  return managerAt(directory, { interaction: 'never' }).manager;
}

async function tokenAtChat(subject: Parameters<typeof idJag>[0]['subject'], more: object = {}): Promise<Token> {
  const client = chat.public;
  return jwtBearer(server, client, {
    assertion: idJag({ idp, client: provider.public, subject, ...more }),
    scope: 'read',
  });
}

/** Replaces the stored ID token by one that has expired, in a session that is an hour old. */
async function expireIdToken(directory: string): Promise<void> {
  const exp = Math.floor(Date.now() / 1000) - 1;
  const id_token = await provider.sign({ typ: 'JWT' }, { sub: 'ada', aud: provider.public.client_id, exp });
  await changeStored(directory, (token) => ({ ...aged(token, 3600), expires_in: 7200, id_token }));
}

it('takes the kept ID token, and makes no other request to the provider', async () => {
  const manager = quietManager(await loggedInDirectory());
  const token = await tokenAtChat(async () => (await manager.getToken(provider.issuer, user)).id_token);
  expect(await chat.introspect(token.access_token)).toMatchObject({ sub: 'ada', scope: 'read' });
  expect(provider.requests.filter(({ path }) => path === '/token').map(({ grant_type }) => grant_type)).toEqual([
    'urn:ietf:params:oauth:grant-type:token-exchange',
  ]);
});

it('takes the kept refresh token', async () => {
  const manager = quietManager(await loggedInDirectory());
  const subject = async (): Promise<unknown> => (await manager.getToken(provider.issuer, user)).refresh_token;
  const subject_token_type = 'urn:ietf:params:oauth:token-type:refresh_token';
  const token = await tokenAtChat(subject, { subject_token_type });
  expect(await chat.introspect(token.access_token)).toMatchObject({ sub: 'ada' });
});

it('renews an ID token that has expired once for all, under the lock of the session', async () => {
  const directory = await loggedInDirectory();
  await expireIdToken(directory);
  const tokens = await Promise.all(
    Array.from({ length: CLIENTS }, () =>
      tokenAtChat(keptIdToken(quietManager(directory).source(provider.issuer, user))),
    ),
  );
  expect(new Set(tokens.map(({ access_token }) => access_token)).size).toBe(CLIENTS);
  expect(provider.count('/token', 'refresh_token')).toBe(1);
  expect(provider.count('/token', 'urn:ietf:params:oauth:grant-type:token-exchange')).toBe(CLIENTS);
  expect(storedTokens(directory)).toHaveLength(1);
});

it('says that the kept ID token has expired where the function can not renew it', async () => {
  const directory = await loggedInDirectory();
  await expireIdToken(directory);
  const manager = quietManager(directory);
  const error = await rejectionOf(tokenAtChat(async () => (await manager.getToken(provider.issuer, user)).id_token));
  expect(error.code).toBe('assertion_unavailable');
  expect(error.message).toMatch(/^The subject_token has expired at /);
  expect(provider.requests).toEqual([]);
});

it('costs one refresh, and passes on the reason, where the provider refuses every ID token', async () => {
  const source = quietManager(await loggedInDirectory()).source(provider.issuer, user);
  // The ID token is for the other client.
  const assertion = idJag({ idp, client: provider.confidential, subject: keptIdToken(source) });
  for (const _ of [1, 2]) {
    const error = await rejectionOf(jwtBearer(server, chat.confidential, { assertion }));
    expect(error).toMatchObject({ code: 'oauth_error', error: 'invalid_request' });
    expect(error.error_description).toMatch(/^subject_token: .*aud/);
  }
  expect(provider.count('/token', 'refresh_token')).toBe(1);
});

it('is login_required, which names the provider, where the user is not logged in there', async () => {
  const source = quietManager(temporaryDirectory()).source(provider.issuer, user);
  for (const subject of [keptIdToken(source), async (): Promise<unknown> => (await source()).id_token]) {
    const error = await rejectionOf(tokenAtChat(subject));
    expect(error.code).toBe('login_required');
    expect(error.message).toMatch(
      new RegExp(
        String.raw`^The user must log in again at the identity provider ${provider.issuer}, .* Log in with test in a terminal`,
      ),
    );
  }
  expect(provider.count('/token')).toBe(0);
});

it('is login_required where the provider has ended the session', async () => {
  const directory = await loggedInDirectory();
  await expireIdToken(directory);
  await changeStored(directory, (token) => ({ ...token, refresh_token: 'unknown' }));
  const error = await rejectionOf(tokenAtChat(keptIdToken(quietManager(directory).source(provider.issuer, user))));
  expect(error).toMatchObject({ code: 'login_required', error: 'invalid_grant' });
  expect(error.message).toContain(`identity provider ${provider.issuer}`);
});
