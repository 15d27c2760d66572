import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { inspectAll } from '@oa-internal/testing';
import { privateKeyJwt } from '@oa/client-authentication';
import { createFetch } from '@oa/fetch';
import { createManager, type Credentials, type ManagerOptions } from '@oa/manager';
import { registerClient } from '@oa/registration';
import type { OAuthEvent, Token } from '@oa/types';
import {
  calculateJwkThumbprint,
  decodeJwt,
  decodeProtectedHeader,
  EmbeddedJWK,
  exportJWK,
  generateKeyPair,
  jwtVerify,
} from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  agreeingBrowser,
  bearer,
  changeStored,
  inTurn,
  managerAt,
  runTogether,
  startScripted,
  storedTokens,
  temporaryDirectory,
  typesOf,
} from '../setup.ts';

async function startServer(dpopNonces = true): Promise<AuthorizationServerHandle> {
  const server = await startAuthorizationServer({ dpopNonces });
  onTestFinished(() => server.close());
  return server;
}

/** The thumbprint that the server has put into the token. */
async function boundTo(server: AuthorizationServerHandle, { access_token }: Token): Promise<unknown> {
  const valid = (await server.introspect(access_token)) as { jkt?: string } | undefined;
  return valid?.jkt;
}

async function jktOf(token: Token | undefined): Promise<string> {
  const { d: _d, ...jwk } = token?.dpop_key ?? ({} as never);
  return calculateJwkThumbprint(jwk);
}

function dpopManager(directory: string, server: AuthorizationServerHandle, more: ManagerOptions = {}) {
  const openBrowser = (url: string): Promise<Response> => server.logIn(url);
  return managerAt(directory, { dpop: true, interaction: 'always', login: { openBrowser }, ...more });
}

function expire(directory: string): Promise<Token> {
  return changeStored(directory, (token) => ({ ...token, expires_at: 1_700_000_000 }));
}

describe.each([
  ['required', true],
  ['no', false],
])('with %s nonces', (_name, dpopNonces) => {
  it('binds the token of client credentials, and the next process uses it with its key', async () => {
    const server = await startServer(dpopNonces);
    const directory = temporaryDirectory();
    const { manager } = dpopManager(directory, server);
    const token = await manager.getToken(server.issuer, server.confidential);
    expect(token.token_type).toBe('DPoP');
    expect(await boundTo(server, token)).toBe(await jktOf(token));
    const again = await managerAt(directory).manager.getToken(server.issuer, server.confidential);
    expect(again).toEqual(token);
    expect(server.count('/token')).toBe(dpopNonces ? 2 : 1);

    const { server: api } = await startScripted({ '/': { json: 'ok' } });
    const source = managerAt(directory).manager.source(server.issuer, server.confidential);
    expect((await createFetch(source, { origins: [api.origin] })(api.origin)).status).toBe(200);
    const headers = api.requests[0]?.headers ?? {};
    expect(headers['authorization']).toBe(`DPoP ${token.access_token}`);
    const { payload, protectedHeader } = await jwtVerify(String(headers['dpop']), EmbeddedJWK);
    expect(payload).toMatchObject({ htm: 'GET', htu: `${api.origin}/`, ath: expect.any(String) });
    expect(await calculateJwkThumbprint(protectedHeader.jwk ?? {})).toBe(await jktOf(token));
  });

  it('binds the code and the tokens of a browser login, and refreshes with the same key', async () => {
    const server = await startServer(dpopNonces);
    const directory = temporaryDirectory();
    const { manager } = dpopManager(directory, server);
    const credentials = { client_id: server.public.client_id, scope: 'openid offline_access' };
    const token = await manager.getToken(server.issuer, credentials);
    expect(await boundTo(server, token)).toBe(await jktOf(token));
    await expire(directory);
    // The key of the token is used, whatever the options of a later program are.
    const later = await managerAt(directory, { interaction: 'never' }).manager.getToken(server.issuer, credentials);
    expect(later.access_token).not.toBe(token.access_token);
    expect(later.dpop_key).toEqual(token.dpop_key);
    expect(await boundTo(server, later)).toBe(await jktOf(token));
    expect(storedTokens(directory)).toMatchObject([{ dpop_key: token.dpop_key }]);
  });
});

it('refreshes once for 20 processes with one rotating refresh token that is bound to a key', async () => {
  const server = await startServer();
  const directory = temporaryDirectory();
  const credentials = { client_id: server.public.client_id, scope: 'openid offline_access' };
  const { manager } = dpopManager(directory, server);
  await manager.getToken(server.issuer, credentials);
  await expire(directory);
  server.requests.length = 0;
  const results = await runTogether(20, { directory, target: server.issuer, credentials });
  expect(new Set(results.map((result) => result.ok && result.access_token)).size).toBe(1);
  expect(results.every(({ ok }) => ok)).toBe(true);
  // Each process would need a nonce. Only one asks.
  expect(server.requests.filter(({ path, status }) => path === '/token' && status === 200)).toHaveLength(1);
  expect(server.count('/token', 'refresh_token')).toBe(2);
});

describe('at a server with required nonces', () => {
  /** Gets a token, refreshes it in a second process, and logs out. Says whether the second token is another one with the same key. */
  async function refreshed(server: AuthorizationServerHandle, credentials: Credentials, options: ManagerOptions) {
    const directory = temporaryDirectory();
    const scope = 'openid offline_access';
    const managerNow = () => dpopManager(directory, server, options).manager;
    const first = await managerNow().getToken(server.issuer, { ...credentials, scope });
    await expire(directory);
    const second = await managerNow().getToken(server.issuer, { ...credentials, scope });
    const isBound = (await boundTo(server, second)) === (await jktOf(first));
    const isOther = second.access_token !== first.access_token;
    return [isOther, isBound, await managerNow().logout(server.issuer, { ...credentials, scope })];
  }
  const REFRESHED = [true, true, { ok: true, value: true }];

  it.each(['disabled', 'required'] as const)(
    'a client that registers itself logs in, with pushed requests %s (RFC 9449 section 10.1)',
    async (pushedRequests) => {
      const server = await startAuthorizationServer({ dpopNonces: true, pushedRequests });
      onTestFinished(() => server.close());
      expect(await refreshed(server, {}, {})).toEqual(REFRESHED);
      expect(server.count('/par') > 0).toBe(pushedRequests === 'required');
    },
  );

  it('a device logs in', async () => {
    const server = await startServer();
    const print = (text: string): void => {
      const [url] = /http\S+user_code=\S+/.exec(text) ?? [];
      if (url !== undefined) void server.approveDevice(url);
    };
    const credentials = { ...server.public, grant_type: 'urn:ietf:params:oauth:grant-type:device_code' };
    expect(await refreshed(server, credentials, { login: { print } })).toEqual(REFRESHED);
  });

  it('a client authenticates with private_key_jwt, with another assertion for each proof', async () => {
    const server = await startServer();
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const endpoints = { token_endpoint: `${server.issuer}/token`, registration_endpoint: `${server.issuer}/register` };
    const { client_id } = await registerClient(
      { issuer: server.issuer, ...endpoints },
      {
        application_type: 'native',
        grant_types: ['authorization_code', 'refresh_token'],
        jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256', use: 'sig' }] },
        redirect_uris: ['http://127.0.0.1/callback'],
        token_endpoint_auth_method: 'private_key_jwt',
      },
    );
    const authentication = privateKeyJwt(privateKey, { kid: 'k' });
    expect(await refreshed(server, { client_id }, { authentication })).toEqual(REFRESHED);
  });
});

it('uses each token with its own key, also where another process has logged in with a new one', async () => {
  const server = await startServer();
  const directory = temporaryDirectory();
  const { server: api } = await startScripted({ '/': { json: 'ok' } });
  const { manager: older } = dpopManager(directory, server);
  const get = createFetch(older.source(server.issuer, server.public), { origins: [api.origin] });
  await get(api.origin);
  expect(await dpopManager(directory, server).manager.login(server.issuer, server.public)).toMatchObject({ ok: true });
  await get(api.origin);
  for (const { headers } of api.requests) {
    const access_token = String(headers['authorization']).replace('DPoP ', '');
    const { jwk } = decodeProtectedHeader(String(headers['dpop']));
    expect(await boundTo(server, { access_token, token_type: 'DPoP' })).toBe(await calculateJwkThumbprint(jwk ?? {}));
  }
  expect(new Set(api.requests.map(({ headers }) => headers['authorization'])).size).toBe(2);
});

it('makes a new key at each login, and asks for the code with its thumbprint (RFC 9449 section 10)', async () => {
  const { openBrowser, urls } = agreeingBrowser();
  const { server, metadata } = await startScripted({ '/token': bearer('a', { token_type: 'DPoP' }) });
  const { manager } = managerAt(temporaryDirectory(), { dpop: true, interaction: 'always', login: { openBrowser } });
  const logins = [await manager.login(metadata, { client_id: 'c' }), await manager.login(metadata, { client_id: 'c' })];
  const thumbprints = await Promise.all(logins.map((result) => jktOf(result.ok ? result.value : undefined)));
  expect(new Set(thumbprints).size).toBe(2);
  expect(urls.map((url) => url.searchParams.get('dpop_jkt'))).toEqual(thumbprints);
  const proofs = server.requestsTo('/token').map(({ headers }) => String(headers['dpop']));
  const proved = proofs.map(async (proof) => calculateJwkThumbprint(decodeProtectedHeader(proof).jwk ?? {}));
  expect(await Promise.all(proved)).toEqual(thumbprints);
  expect(decodeJwt(proofs[0] ?? '')).toMatchObject({ htm: 'POST', htu: metadata.token_endpoint });
});

describe('at a server without DPoP', () => {
  const CREDENTIALS = { client_id: 'c', client_secret: 's' };

  it('refuses a Bearer token with `true`, and stores nothing', async () => {
    const { metadata } = await startScripted({ '/token': bearer('a') });
    const directory = temporaryDirectory();
    const result = await managerAt(directory, { dpop: true }).manager.get(metadata, CREDENTIALS);
    expect(result).toMatchObject({ ok: false, error: { code: 'unsupported_token_type' } });
    expect(result.ok ? '' : result.error.message).toMatch(/set `dpop` to 'preferred'/);
    expect(await managerAt(directory).manager.sessions()).toEqual({ ok: true, value: [] });
  });

  it("takes a Bearer token with 'preferred', without a key and with an event", async () => {
    const { metadata } = await startScripted({ '/token': bearer('a') });
    const { manager, events } = managerAt(temporaryDirectory(), { dpop: 'preferred' });
    const token = await manager.getToken(metadata, CREDENTIALS);
    expect([token.token_type, token.dpop_key]).toEqual(['Bearer', undefined]);
    expect(events.filter(({ type }) => type === 'token_not_bound')).toEqual([
      { type: 'token_not_bound', issuer: metadata.issuer },
    ]);
  });

  it("sends no proof with 'preferred' where the metadata of the server has no algorithm for the key", async () => {
    const { server, metadata } = await startScripted({
      '/token': ({ headers }) =>
        headers['dpop'] === undefined ? bearer('a') : { status: 400, json: { error: 'invalid_dpop_proof' } },
    });
    const { openBrowser, urls } = agreeingBrowser();
    const options = { dpop: 'preferred', interaction: 'always', login: { openBrowser } } as const;
    const { manager, events } = managerAt(temporaryDirectory(), options);
    const listed = { ...metadata, dpop_signing_alg_values_supported: ['RS256'] };
    expect((await manager.getToken(listed, { client_id: 'c' })).dpop_key).toBeUndefined();
    await manager.getToken(listed, CREDENTIALS);
    expect(typesOf(events).filter((type) => type === 'token_not_bound')).toHaveLength(2);
    expect(urls.map((url) => url.searchParams.has('dpop_jkt'))).toEqual([false]);
    expect(server.requestsTo('/token')).toHaveLength(2);
  });

  it('asks no user where the metadata of the server has no algorithm for the key', async () => {
    const { server, metadata } = await startScripted();
    const { openBrowser, urls } = agreeingBrowser();
    const { manager } = managerAt(temporaryDirectory(), { dpop: true, interaction: 'always', login: { openBrowser } });
    const listed = { ...metadata, dpop_signing_alg_values_supported: ['RS256'] };
    const result = await manager.get(listed, { client_id: 'c' });
    expect(result).toMatchObject({ ok: false, error: { code: 'unsupported_token_type' } });
    expect([urls.length, server.requests.length]).toEqual([0, 0]);
  });

  it('uses no stored Bearer token with `true`, in memory or on the disk, and refreshes none', async () => {
    const { server, metadata } = await startScripted({
      '/token': inTurn(bearer('a', { refresh_token: 'r' }), bearer('b', { token_type: 'DPoP' })),
    });
    const directory = temporaryDirectory();
    const { openBrowser } = agreeingBrowser();
    const options = { interaction: 'always', login: { openBrowser } } as const;
    await managerAt(directory, options).manager.getToken(metadata, { client_id: 'c' });
    const { manager } = managerAt(directory, { ...options, dpop: true });
    for (let call = 0; call < 3; call += 1)
      expect((await manager.getToken(metadata, { client_id: 'c' })).access_token).toBe('b');
    expect(server.requestsTo('/token').map(({ form }) => form.get('grant_type'))).toEqual([
      'authorization_code',
      'authorization_code',
    ]);
  });

  it('uses the refresh token of another resource with `true` only if that is bound (RFC 8707 section 2.2)', async () => {
    let count = 0;
    const { server, metadata } = await startScripted({
      '/token': ({ headers }) => {
        count += 1;
        const token_type = headers['dpop'] === undefined ? 'Bearer' : 'DPoP';
        return bearer(`token-${count}`, { token_type, refresh_token: `r${count}` });
      },
    });
    const [mail, files] = ['https://mail.example/', 'https://files.example/'];
    const login = { client_id: 'c', resource: mail, furtherResources: [files] };
    const options = { interaction: 'always', login: { openBrowser: agreeingBrowser().openBrowser } } as const;
    const directory = temporaryDirectory();
    await managerAt(directory, options).manager.getToken(metadata, login);
    const { manager } = managerAt(directory, { ...options, dpop: true, interaction: 'never' });
    const asked = { client_id: 'c', resource: files };
    expect(await manager.get(metadata, asked)).toMatchObject({ ok: false, error: { code: 'login_required' } });
    const bound = await managerAt(directory, { ...options, dpop: true }).manager.getToken(metadata, login);
    expect(await manager.getToken(metadata, asked)).toMatchObject({ token_type: 'DPoP', dpop_key: bound.dpop_key });
    expect(server.requestsTo('/token').map(({ form }) => form.get('grant_type'))).toEqual([
      'authorization_code',
      'authorization_code',
      'refresh_token',
    ]);
  });

  it('hands out no Bearer token with `true`, where another program has stored one meanwhile', async () => {
    const tokens = new Map<string, Token>();
    const { metadata } = await startScripted({
      '/token': ({ form }) => {
        if (form.get('grant_type') === 'authorization_code')
          return bearer('a', { token_type: 'DPoP', refresh_token: 'r1' });
        if (form.get('refresh_token') !== 'r1') return bearer('c', { refresh_token: 'r3' });
        for (const key of tokens.keys())
          tokens.set(key, { access_token: 'b', token_type: 'Bearer', refresh_token: 'r2', expires_at: 1_700_000_000 });
        return { status: 400, json: { error: 'invalid_grant' } };
      },
    });
    const login = { openBrowser: agreeingBrowser().openBrowser, print: () => undefined };
    const manager = createManager({ cache: tokens, dpop: true, interaction: 'always', login });
    await manager.getToken(metadata, { client_id: 'c' });
    for (const [key, token] of tokens) tokens.set(key, { ...token, expires_at: 1_700_000_000 });
    const result = await manager.get(metadata, { client_id: 'c' });
    expect(result).toMatchObject({ ok: false, error: { code: 'unsupported_token_type' } });
    expect([...tokens.values()]).toMatchObject([{ refresh_token: 'r3' }]);
  });

  it('keeps the refresh token of a server that binds its tokens no more, and returns an error', async () => {
    const { metadata } = await startScripted({
      '/token': inTurn(bearer('a', { token_type: 'DPoP', refresh_token: 'r1' }), bearer('b', { refresh_token: 'r2' })),
    });
    const directory = temporaryDirectory();
    const { openBrowser } = agreeingBrowser();
    const { manager } = managerAt(directory, { dpop: true, interaction: 'always', login: { openBrowser } });
    await manager.getToken(metadata, { client_id: 'c' });
    await expire(directory);
    const result = await manager.get(metadata, { client_id: 'c' });
    expect(result).toMatchObject({ ok: false, error: { code: 'unsupported_token_type' } });
    expect(storedTokens(directory)).toMatchObject([{ refresh_token: 'r2' }]);
  });
});

describe.each([
  ['null', null],
  ['no key', {}],
  ['a key without a private part', { kty: 'EC', crv: 'P-256', x: 'planted', y: 'planted' }],
  ['a key of noise', { kty: 'EC', crv: 'P-256', x: 'planted', y: 'planted', d: 'planted' }],
])('a stored token with %s instead of its key', (_name, dpop_key) => {
  async function storeDamaged(policy: ManagerOptions['dpop']) {
    let count = 0;
    const { server, metadata } = await startScripted({
      '/token': ({ headers }) =>
        bearer(`token-${(count += 1)}`, {
          token_type: headers['dpop'] ? 'DPoP' : 'Bearer',
          refresh_token: `r${count}`,
        }),
    });
    const directory = temporaryDirectory();
    const options = { interaction: 'always', login: { openBrowser: agreeingBrowser().openBrowser } } as const;
    await managerAt(directory, { ...options, dpop: true }).manager.getToken(metadata, { client_id: 'c' });
    await changeStored(directory, (token) => ({ ...token, dpop_key: dpop_key as never, expires_at: 1_700_000_000 }));
    const open = (more: ManagerOptions = {}) => managerAt(directory, { ...options, dpop: policy, ...more });
    return { server, metadata, directory, open };
  }

  it.each([true, 'preferred', undefined] as const)(
    'leads to a login, and not to a refresh, with dpop: %s',
    async (policy) => {
      const { server, metadata, open } = await storeDamaged(policy);
      expect((await open().manager.getToken(metadata, { client_id: 'c' })).access_token).toBe('token-2');
      const grants = server.requestsTo('/token').map(({ form }) => form.get('grant_type'));
      expect(grants).toEqual(['authorization_code', 'authorization_code']);
    },
  );

  it('is login_required where no user can be asked, and is kept', async () => {
    const { server, metadata, directory, open } = await storeDamaged('preferred');
    const { manager, events } = open({ interaction: 'never' });
    const result = await manager.get(metadata, { client_id: 'c' });
    expect(result).toMatchObject({ ok: false, error: { code: 'login_required' } });
    expect([inspectAll(result), JSON.stringify(events)].join()).not.toContain('planted');
    expect(storedTokens(directory)).toMatchObject([{ refresh_token: 'r1' }]);
    expect(server.requestsTo('/token')).toHaveLength(1);
  });
});

it('refuses client credentials without authentication, as without a proof (RFC 6749 section 4.4)', async () => {
  const { server, metadata } = await startScripted({ '/token': bearer('a', { token_type: 'DPoP' }) });
  const { manager } = managerAt(temporaryDirectory(), { dpop: true });
  const call = manager.get(metadata, { grant_type: 'client_credentials', client_id: 'c' });
  await expect(call).rejects.toThrow(TypeError);
  await expect(call).rejects.toThrow(/needs the option `authentication`/);
  expect(server.requests).toHaveLength(0);
  const authentication = () => ({ parameters: { client_id: 'c', client_assertion: 'signed' } });
  await manager.getToken(metadata, { grant_type: 'client_credentials', client_id: 'c', authentication });
  expect(server.requests).toHaveLength(1);
});

it('shows no key and no proof in the list of sessions, in events and in errors', async () => {
  const events: OAuthEvent[] = [];
  const { server, metadata } = await startScripted({
    '/token': inTurn(bearer('a', { token_type: 'DPoP', refresh_token: 'r' }), {
      status: 400,
      json: { error: 'invalid_dpop_proof', error_description: 'This is no good proof.' },
    }),
  });
  const directory = temporaryDirectory();
  const { openBrowser } = agreeingBrowser();
  const { manager } = managerAt(directory, {
    dpop: true,
    interaction: 'always',
    login: { openBrowser },
    onEvent: (e) => events.push(e),
  });
  const token = await manager.getToken(metadata, { client_id: 'c' });
  await expire(directory);
  const result = await manager.get(metadata, { client_id: 'c' });
  expect(result.ok).toBe(false);
  const sessions = await manager.sessions();
  const shown = [
    inspectAll(result.ok ? '' : result.error),
    JSON.stringify([events, sessions]),
    inspectAll(manager),
  ].join();
  expect(shown).not.toContain(token.dpop_key?.d);
  for (const { headers } of server.requestsTo('/token')) expect(shown).not.toContain(headers['dpop']);
});

it.each([false, 'yes', 'true', 1])('refuses the option dpop: %j', (dpop) => {
  expect(() => createManager({ dpop: dpop as never })).toThrow(/options\.dpop must be true or 'preferred'/);
});
