import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileTokenCache, tokenKey } from '@oa/token-cache';
import { OAuthError, type OAuthEvent } from '@oa/types';
import { DEVICE_CODE_GRANT_TYPE } from '@oa/types/rfc';
import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { startScriptedServer, type RecordedRequest } from '@oa-internal/scripted-server';
import { expect, it, onTestFinished } from 'vitest';
import { login, server, user } from './real-server.ts';
import {
  agreeingBrowser,
  aged,
  bearer,
  changeStored,
  managerAt,
  startScripted,
  temporaryDirectory,
  tokensDirectory,
} from './setup.ts';

const secretIn = {
  client_secret_basic: ({ headers }: RecordedRequest): string | null => {
    const basic = Buffer.from(headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString();
    return new URLSearchParams(`v=${basic.split(':')[1]}`).get('v');
  },
  client_secret_post: ({ form }: RecordedRequest): string | null => form.get('client_secret'),
};

async function approve(server: AuthorizationServerHandle, event: OAuthEvent): Promise<void> {
  if (event.type === 'device_waiting') await server.approveDevice(event.verification_uri_complete ?? '');
}

it('makes a client credentials grant where there is a secret; a second process makes no request', async () => {
  const directory = temporaryDirectory();
  const first = await managerAt(directory).manager.getToken(server.issuer, server.confidential);
  expect(server.requests.map(({ path }) => path)).toEqual(['/.well-known/oauth-authorization-server', '/token']);
  const second = managerAt(directory);
  expect(await second.manager.getToken(server.issuer, server.confidential)).toEqual(first);
  expect(server.requests).toHaveLength(2);
  expect(second.events).toEqual([{ type: 'cache_hit', issuer: server.issuer }]);
});

it('logs the user in with a browser where there is no secret; afterwards the token is cached', async () => {
  const directory = temporaryDirectory();
  const { manager, events } = managerAt(directory, { login });
  const token = await manager.getToken(server.issuer, user());
  expect(token.refresh_token).toBeDefined();
  expect(events).toContainEqual({ type: 'obtained', issuer: server.issuer, grant_type: 'authorization_code' });
  server.requests.length = 0;
  expect(await managerAt(directory).manager.getToken(server.issuer, user())).toEqual(token);
  expect(server.requests).toEqual([]);
});

it('says in an event why a grant is needed', async () => {
  const directory = temporaryDirectory();
  const reasons = async (): Promise<unknown[]> => {
    const { manager, events } = managerAt(directory, { login });
    await manager.getToken(server.issuer, user());
    return events.flatMap((event) => (event.type === 'grant_needed' ? [event.reason] : []));
  };
  expect(await reasons()).toEqual(['nothing_stored']);
  expect(await reasons()).toEqual([]);
  await changeStored(directory, (token) => ({ ...aged(token, -1), refresh_token: 'never-issued' }));
  expect(await reasons()).toEqual(['session_ended']);
  await changeStored(directory, ({ access_token, token_type }) => aged({ access_token, token_type }, -1));
  expect(await reasons()).toEqual(['not_refreshable']);
});

it.each(['client_secret_basic', 'client_secret_post'] as const)(
  'sends the secret intact by %s, and once (RFC 6749 section 2.3.1)',
  async (method) => {
    const scripted = await startScriptedServer(() => ({ json: { access_token: 'a', token_type: 'Bearer' } }));
    onTestFinished(() => scripted.close());
    const target = { issuer: scripted.origin, token_endpoint: `${scripted.origin}/token` };
    const client_secret = 's+é&=%/~: x';
    const credentials = { client_id: 'c:1', client_secret, token_endpoint_auth_method: method };
    await managerAt(temporaryDirectory()).manager.getToken(target, credentials);
    const [request] = scripted.requests;
    expect(request && secretIn[method](request)).toBe(client_secret);
    expect(request?.headers.authorization === undefined).toBe(method === 'client_secret_post');
    expect(request?.form.has('client_secret')).toBe(method === 'client_secret_post');
    const real = { ...server.confidential, token_endpoint_auth_method: method };
    expect(await managerAt(temporaryDirectory()).manager.get(server.issuer, real)).toMatchObject({ ok: true });
  },
);

it('takes the token types that the program lists for Bearer, in a login and in a refresh', async () => {
  const { metadata } = await startScripted({ '/token': bearer('xoxp', { token_type: 'user', refresh_token: 'r' }) });
  const { openBrowser } = agreeingBrowser();
  const directory = temporaryDirectory();
  const options = { login: { openBrowser }, bearerTypes: ['user', 'bot'] };
  const token = await managerAt(directory, options).manager.getToken(metadata, { client_id: 'p' });
  expect(token).toMatchObject({ access_token: 'xoxp', token_type: 'Bearer' });
  await changeStored(directory, (stored) => aged(stored, 1));
  expect(await managerAt(directory, options).manager.get(metadata, { client_id: 'p' })).toMatchObject({
    ok: true,
    value: { token_type: 'Bearer' },
  });
  await changeStored(directory, (stored) => aged(stored, -1));
  expect(await managerAt(directory).manager.get(metadata, { client_id: 'p' })).toMatchObject({
    ok: false,
    error: { code: 'unsupported_token_type' },
  });
});

it('makes the device grant where the credentials ask for it (RFC 8628)', async () => {
  await using server = await startAuthorizationServer();
  const approvals: Promise<void>[] = [];
  const printed: string[] = [];
  const { manager } = managerAt(temporaryDirectory(), {
    interaction: 'always',
    login: { print: (text) => printed.push(text) },
    onEvent: (event) => approvals.push(approve(server, event)),
  });
  const token = await manager.getToken(server.issuer, {
    grant_type: DEVICE_CODE_GRANT_TYPE,
    client_id: server.public.client_id,
    scope: 'openid offline_access',
  });
  await Promise.all(approvals);
  expect(token.refresh_token).toBeDefined();
  expect(server.count('/device_authorization')).toBe(1);
  expect(printed.join('')).toContain(`${server.issuer}/device`);
});

it('says in a device login that no refresh token came, although offline_access was asked for', async () => {
  const { server, metadata } = await startScripted({
    '/device': {
      json: { device_code: 'd', user_code: 'u', verification_uri: 'https://as.example/d', expires_in: 60, interval: 1 },
    },
    '/token': bearer('a'),
  });
  const printed: string[] = [];
  const { manager, events } = managerAt(temporaryDirectory(), {
    interaction: 'always',
    login: { print: (text) => printed.push(text) },
  });
  const target = { ...metadata, device_authorization_endpoint: `${server.origin}/device` };
  const credentials = { grant_type: DEVICE_CODE_GRANT_TYPE, client_id: 'p', scope: 'read offline_access' } as const;
  expect(await manager.getToken(target, credentials)).toMatchObject({ scope: 'read offline_access' });
  expect(events).toContainEqual({ type: 'refresh_token_missing', issuer: metadata.issuer, expires_in: 3600 });
  expect(printed.at(-1)).toContain('gave no refresh token, although offline_access was asked for');
});

it('tells the user that the token of a login could not be stored', async () => {
  const { metadata } = await startScripted({ '/token': bearer('a') });
  const full = new OAuthError(
    'storage_unavailable',
    '/home/u/tokens can not be written: the disk is full. Free some space.',
  );
  const cache = {
    get: () => undefined,
    set: () => Promise.reject(full),
    delete: () => undefined,
  };
  const printed: string[] = [];
  const login = { openBrowser: agreeingBrowser().openBrowser, print: (text: string) => printed.push(text) };
  const { manager } = managerAt(temporaryDirectory(), { cache, login });
  expect(await manager.get(metadata, { client_id: 'p' })).toMatchObject({ ok: true });
  expect(printed.at(-1)).toContain("login can't be stored");
  expect(printed.at(-1)).toContain(full.message);
  printed.length = 0;
  expect(await manager.get(metadata, { client_id: 'c', client_secret: 's' })).toMatchObject({ ok: true });
  expect(printed).toEqual([]);
});

it.each([
  ['client credentials', { client_secret: 's' }],
  ['a login', {}],
])('says which scopes were granted where the server leaves them out: %s (RFC 6749 section 5.1)', async (_, more) => {
  const { metadata } = await startScripted({ '/token': bearer('a') });
  const login = { openBrowser: agreeingBrowser().openBrowser };
  const { manager } = managerAt(temporaryDirectory(), { login });
  const token = await manager.getToken(metadata, { client_id: 'p', scope: 'read write', ...more });
  expect(token.scope).toBe('read write');
});

it('starts no device login where no user can be asked (RFC 8628 section 3.1)', async () => {
  await using server = await startAuthorizationServer();
  const { manager } = managerAt(temporaryDirectory(), { interaction: 'never' });
  const result = await manager.get(server.issuer, {
    grant_type: DEVICE_CODE_GRANT_TYPE,
    client_id: server.public.client_id,
  });
  expect(result).toMatchObject({ ok: false, error: { code: 'login_required' } });
  expect(server.requests).toEqual([]);
});

it('ends a login after an abort, frees its port, and rejects with the reason of the abort', async () => {
  const { metadata } = await startScripted();
  const opened = Promise.withResolvers<string>();
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser: opened.resolve, print: () => {} } });
  const controller = new AbortController();
  const result = manager.get(metadata, { client_id: 'p' }, { signal: controller.signal });
  const startUrl = await opened.promise;
  const reason = new Error('no more');
  controller.abort(reason);
  await expect(result).rejects.toBe(reason);
  await expect
    .poll(() =>
      fetch(startUrl).then(
        () => 'open',
        () => 'closed',
      ),
    )
    .toBe('closed');
});

it('leaves no sign of an interrupted refresh where a process is killed during a login', async () => {
  const { metadata } = await startScripted({ '/token': { status: 400, json: { error: 'invalid_grant' } } });
  const directory = temporaryDirectory();
  const key = tokenKey({ issuer: metadata.issuer, grant_type: 'authorization_code', client_id: 'p' });
  const old = { ...aged({ access_token: 'old', token_type: 'Bearer' }, -1), refresh_token: 'r' };
  await fileTokenCache({ directory: tokensDirectory(directory) }).set(key, old);
  const opened = Promise.withResolvers<string>();
  const { manager } = managerAt(directory, { login: { openBrowser: opened.resolve } });
  const controller = new AbortController();
  const login = manager.login(metadata, { client_id: 'p' }, { signal: controller.signal });
  await opened.promise;
  // What a killed process leaves.
  const left = join(temporaryDirectory(), 'left');
  cpSync(directory, left, { recursive: true });
  const next = managerAt(left, { interaction: 'never' }).manager;
  expect(await next.get(metadata, { client_id: 'p' })).toMatchObject({ ok: false, error: { code: 'login_required' } });
  controller.abort(new Error('no more'));
  await expect(login).rejects.toThrow('no more');
});

it('does not take the timeout of requests for the time that a user has to log in', async () => {
  const { metadata } = await startScripted({ '/token': bearer('a') });
  const { manager, events } = managerAt(temporaryDirectory(), {
    timeout: 5000,
    login: { openBrowser: agreeingBrowser().openBrowser },
  });
  await manager.getToken(metadata, { client_id: 'c' });
  expect(events).toContainEqual(expect.objectContaining({ type: 'login_waiting', expires_in: 300 }));
});

it.each(['/par', '/token'])('gives the request to %s of a login the timeout of the manager', async (path) => {
  const { server, metadata } = await startScripted({
    '/par': { status: 201, json: { request_uri: 'urn:example:reference', expires_in: 60 } },
    '/token': bearer('a'),
    [path]: { drop: 'never' },
  });
  const openBrowser = async (startUrl: string): Promise<Response> => {
    const pushed = server.requestsTo('/par')[0]?.form;
    await fetch(startUrl, { redirect: 'manual' });
    return fetch(`${pushed?.get('redirect_uri')}?code=c&state=${pushed?.get('state')}`);
  };
  const { manager } = managerAt(temporaryDirectory(), { timeout: 500, login: { openBrowser } });
  const target = { ...metadata, pushed_authorization_request_endpoint: `${server.origin}/par` };
  expect(await manager.get(target, { client_id: 'p' })).toMatchObject({
    ok: false,
    error: { code: 'timeout', message: expect.stringContaining('within 0.5 seconds') },
  });
});
