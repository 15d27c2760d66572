import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import * as loopback from '@oa/loopback';
import {
  followCallback,
  startLogin,
  callbackUrl,
  canConnect,
  finishLogin,
  grantTokens,
  metadata,
  sendRequest,
} from './help.ts';
import { freePort } from './ports.ts';

let scripted: ScriptedServer;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
});
afterAll(() => scripted.close());

it('logs in through a real authorization server', async () => {
  await using real = await startAuthorizationServer();
  const server = { ...metadata({ origin: real.issuer }), authorization_response_iss_parameter_supported: true };
  const { token, events } = startLogin(
    server,
    { scope: 'openid read', resource: real.resource },
    { client: real.public, openBrowser: async (url) => expect((await real.logIn(url)).status).toBe(200) },
  );
  expect(await real.introspect((await token).access_token)).toMatchObject({ sub: 'ada', aud: real.resource });
  expect(real.count('/token', 'authorization_code')).toBe(1);
  expect(events.map((event) => event.type)).toEqual(['login_waiting', 'callback_received', 'code_exchanged']);
});

it('rejects with the reason of a denial, and shows it in the browser (RFC 6749 section 4.1.2.1)', async () => {
  await using real = await startAuthorizationServer();
  const page = Promise.withResolvers<string>();
  const { token } = startLogin(
    { ...metadata({ origin: real.issuer }), authorization_response_iss_parameter_supported: true },
    { scope: 'read' },
    {
      client: real.public,
      openBrowser: async (url) => page.resolve(await (await real.logIn(url, { deny: true })).text()),
    },
  );
  expect(await rejectionOf(token)).toMatchObject({ code: 'oauth_error', error: 'access_denied' });
  expect(await page.promise).toContain('<h1>Login denied</h1>');
  expect(await page.promise).toContain('<code>access_denied</code>');
  expect(real.count('/token')).toBe(0);
});

it('exports nothing that embeds a browser or asks for a password (RFC 8252 section 8.12)', () => {
  expect(Object.keys(loopback).toSorted()).toEqual([
    'canReceive',
    'drawRedirectUris',
    'isInteractive',
    'login',
    'loopbackRedirectUris',
    'printEvent',
    'reasonNotInteractive',
  ]);
});

it.each([
  'client_id',
  'code_challenge',
  'code_challenge_method',
  'nonce',
  'redirect_uri',
  'response_mode',
  'response_type',
  'state',
])('refuses the parameter %s before anything listens', async (name) => {
  const opened: string[] = [];
  const { token, events } = startLogin(metadata(scripted), { [name]: 'x' }, { openBrowser: (url) => opened.push(url) });
  await expect(token).rejects.toThrow(TypeError);
  await expect(token).rejects.toThrow(`The parameter ${name} is reserved`);
  expect(opened).toEqual([]);
  expect(events).toEqual([]);
});

it('repeats resource in the token request (RFC 8707 section 2.2)', async () => {
  scripted.requests.length = 0;
  const resource = ['https://a.example', 'https://b.example'];
  const { waiting, token } = startLogin(metadata(scripted), { resource });
  expect(new URL((await waiting).url).searchParams.getAll('resource')).toEqual(resource);
  await followCallback(callbackUrl(await waiting, { code: 'c' }));
  await token;
  expect(scripted.requestsTo('/token')[0]?.form.getAll('resource')).toEqual(resource);
});

it('names further resources in the authorization request only (RFC 8707 section 2.2)', async () => {
  scripted.requests.length = 0;
  const furtherResources = ['https://a.example', 'https://b.example'];
  const { waiting, token } = startLogin(metadata(scripted), { resource: 'https://a.example' }, { furtherResources });
  expect(new URL((await waiting).url).searchParams.getAll('resource')).toEqual(furtherResources);
  await followCallback(callbackUrl(await waiting, { code: 'c' }));
  await token;
  expect(scripted.requestsTo('/token')[0]?.form.getAll('resource')).toEqual(['https://a.example']);
});

it.each([['https://a.example'], [['no URL']]])('rejects furtherResources %j with a TypeError', async (wrong) => {
  const furtherResources = wrong as string[];
  await expect(startLogin(metadata(scripted), {}, { furtherResources }).token).rejects.toMatchObject({
    name: 'TypeError',
    message: 'options.furtherResources must be an array of absolute URLs without a fragment.',
  });
});

it('returns the scope that was asked for, where the server leaves it out (RFC 6749 section 5.1)', async () => {
  const scopeOf = async (answer: object, scope?: string): Promise<string | undefined> => {
    scripted.script({ '/token': { json: { access_token: 'secret-access-token', token_type: 'Bearer', ...answer } } });
    const started = startLogin(metadata(scripted), { scope });
    await finishLogin(started);
    return (await started.token).scope;
  };
  expect(await scopeOf({}, 'read write')).toBe('read write');
  expect(await scopeOf({ scope: 'read' }, 'read write')).toBe('read');
  expect(await scopeOf({})).toBeUndefined();
  grantTokens(scripted);
});

it('tells the user and the program that a login with offline_access got no refresh token (OpenID Connect Core section 11)', async () => {
  const told = async (answer: object, scope: string): Promise<unknown[]> => {
    scripted.script({ '/token': { json: { access_token: 'secret-access-token', token_type: 'Bearer', ...answer } } });
    const started = startLogin(metadata(scripted), { scope });
    await finishLogin(started);
    expect(new URL((await started.waiting).url).searchParams.get('prompt')).toBe(
      scope.includes('offline_access') ? 'consent' : null,
    );
    return [started.events.find(({ type }) => type === 'refresh_token_missing'), started.printed.at(-1)];
  };
  const { host } = new URL(scripted.origin);
  const line = `${host} gave no refresh token, although offline_access was asked for: you must log in again when the token expires`;
  const event = { type: 'refresh_token_missing', issuer: scripted.origin };
  expect(await told({ expires_in: 3600 }, 'read offline_access')).toEqual([
    { ...event, expires_in: 3600 },
    `${line} (in 60 minutes).\n`,
  ]);
  expect(await told({}, 'offline_access')).toEqual([event, `${line}.\n`]);
  expect(await told({ refresh_token: 'secret-refresh-token' }, 'offline_access')).toEqual([
    undefined,
    `Logged in at ${host}.\n`,
  ]);
  expect(await told({}, 'read')).toEqual([undefined, `Logged in at ${host}.\n`]);
  grantTokens(scripted);
});

it('sends the same redirect_uri in both requests, byte for byte (RFC 6749 section 4.1.3)', async () => {
  for (const path of ['', '/', '/callback', '/a%20b/C?x=%41']) {
    const registered = { client_id: 'oa-test', redirect_uris: [`http://127.0.0.1${path}`] };
    const { waiting, token } = startLogin(metadata(scripted), {}, { client: registered });
    const { url, redirect_uri } = await waiting;
    expect(redirect_uri.replace(/:\d+/, '')).toBe(`http://127.0.0.1${path}`);
    expect(new URL(url).searchParams.get('redirect_uri')).toBe(redirect_uri);
    const separator = redirect_uri.includes('?') ? '&' : '?';
    await followCallback(new URL(`${redirect_uri}${separator}state=${new URL(url).searchParams.get('state')}&code=c`));
    await token;
    expect(scripted.requests.at(-1)?.form.get('redirect_uri')).toBe(redirect_uri);
  }
});

it('sends a code only to the server of its login (RFC 8252 section 8.10, RFC 9700 section 4.4)', async () => {
  await using one = await startScriptedServer();
  await using other = await startScriptedServer();
  grantTokens(one);
  grantTokens(other);
  const first = startLogin(metadata(one));
  const second = startLogin(metadata(other));
  const [atOne, atOther] = await Promise.all([first.waiting, second.waiting]);
  expect(atOne.redirect_uri).not.toBe(atOther.redirect_uri);
  // The response of each login at the address of the other: it belongs to neither.
  const crossed = new URL(callbackUrl(atOne, { code: 'code-of-one' }));
  crossed.port = new URL(atOther.redirect_uri).port;
  expect((await sendRequest(crossed)).status).toBe(400);
  // The right state, but the issuer of the other server.
  await followCallback(callbackUrl(atOther, { code: 'code-of-one', iss: one.origin }));
  expect(await rejectionOf(second.token)).toMatchObject({ code: 'issuer_mismatch' });
  await followCallback(callbackUrl(atOne, { code: 'code-of-one', iss: one.origin }));
  await first.token;
  expect(one.requests.map(({ form }) => form.get('code'))).toEqual(['code-of-one']);
  expect(other.requests).toEqual([]);
});

it('closes the port if the server has no authorization endpoint', async () => {
  const port = await freePort();
  const server = { issuer: scripted.origin, token_endpoint: `${scripted.origin}/token` };
  const { token, events } = startLogin(server, {}, { port });
  expect(await rejectionOf(token)).toMatchObject({ code: 'endpoint_missing' });
  expect(events).toEqual([]);
  expect(await canConnect('127.0.0.1', port)).toBe(false);
});

it('gives the token request a timeout of its own, not that of the login', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  try {
    const sent = Promise.withResolvers<void>();
    const { waiting, token } = startLogin(
      metadata(scripted),
      {},
      {
        timeout: 600_000,
        fetch: () => {
          sent.resolve();
          return new Promise(() => undefined);
        },
      },
    );
    await followCallback(callbackUrl(await waiting, { code: 'c' }));
    await sent.promise;
    // The default of a request is 30,000 milliseconds.
    await vi.advanceTimersByTimeAsync(31_000);
    const pending = new Promise((resolve) => setImmediate(resolve, 'the request is still waiting'));
    expect(await Promise.race([rejectionOf(token), pending])).toMatchObject({ code: 'timeout' });
  } finally {
    vi.useRealTimers();
  }
});

it('prints to stderr by default', async () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const { waiting, token } = startLogin(metadata(scripted), {}, { print: undefined });
  await followCallback(callbackUrl(await waiting, { code: 'c' }));
  await token;
  const written = write.mock.calls.map(([text]) => String(text)).join('');
  write.mockRestore();
  expect(written).toContain((await waiting).url);
});
