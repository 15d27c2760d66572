import type { ManagerOptions } from '@oa/manager';
import type { Reply } from '@oa-internal/scripted-server';
import { describe, expect, it } from 'vitest';
import { registeredClient, startRegistrar, type Registrar } from './registrar.ts';
import { managerAt, startScripted, temporaryDirectory } from './setup.ts';

/** The redirect URIs that the server was asked to register, one list for each request. */
function askedUris({ server }: Registrar): string[][] {
  return server
    .requestsTo('/register')
    .map(({ body }) => (JSON.parse(body) as { redirect_uris: string[] }).redirect_uris);
}

/** A server that registers only redirect URIs of which `isAllowed` is true, and refuses others with `refusal`. */
async function startPicky(isAllowed: (uri: string) => boolean, refusal: Reply): Promise<Registrar> {
  const registrar = await startRegistrar();
  registrar.managed = false;
  registrar.register = () => (askedUris(registrar).at(-1)?.every(isAllowed) === true ? undefined : refusal);
  return registrar;
}

function logIn(
  registrar: Registrar,
  options: ManagerOptions = {},
): ReturnType<ReturnType<typeof managerAt>['manager']['get']> {
  const login = { openBrowser: registrar.openBrowser, ...options.login };
  return managerAt(temporaryDirectory(), { ...options, login }).manager.get(registrar.metadata, {});
}

const invalid = (error_description?: string): Reply => ({
  status: 400,
  json: { error: 'invalid_redirect_uri', ...(error_description !== undefined && { error_description }) },
});

describe('a server that refuses a redirect URI (RFC 7591 section 3.2.2)', () => {
  it.each<[string, (uri: string) => boolean, Reply, string]>([
    ['names [::1]', (uri) => !uri.includes('[::1]'), invalid('http://[::1]:1/callback is not allowed'), '127.0.0.1'],
    ['knows no IPv6', (uri) => !uri.includes('[::1]'), invalid('IPv6 hosts are not supported'), '127.0.0.1'],
    ['refuses [::1] and says nothing', (uri) => !uri.includes('[::1]'), invalid(), 'localhost'],
    [
      'names both literals',
      (uri) => uri.startsWith('http://localhost:'),
      invalid('Not allowed: http://127.0.0.1:1/callback, http://[::1]:1/callback'),
      'localhost',
    ],
    ['knows only localhost', (uri) => uri.startsWith('http://localhost:'), invalid(), 'localhost'],
    [
      'names localhost',
      (uri) => uri.startsWith('http://localhost:'),
      invalid('Use https, or http with localhost (not 127.0.0.1 or [::1])'),
      'localhost',
    ],
    [
      'says it in other words',
      (uri) => uri.startsWith('http://localhost:'),
      { status: 400, json: { error: 'invalid_client_metadata', error_description: 'redirect_uris: bad host' } },
      'localhost',
    ],
    [
      'says it in an answer without an error code',
      (uri) => uri.startsWith('http://localhost:'),
      { status: 422, json: { message: 'Callback URL must not be an IP address' } },
      'localhost',
    ],
  ])('is asked once more where it %s', async (_, isAllowed, refusal, hostname) => {
    const registrar = await startPicky(isAllowed, refusal);
    expect(await logIn(registrar)).toMatchObject({ ok: true });
    const asked = askedUris(registrar);
    expect(asked).toHaveLength(2);
    const used = registrar.redirectUris().at(-1) ?? '';
    expect(new URL(used).hostname).toBe(hostname);
    expect(asked[1]).toEqual([used]);
  });

  it('is asked twice, and the error names the URIs, and the options that help', async () => {
    const registrar = await startPicky(() => false, invalid('The redirect URI is not allowed'));
    const result = await logIn(registrar);
    expect(askedUris(registrar)).toHaveLength(2);
    expect(result).toMatchObject({ ok: false, error: { code: 'oauth_error', error: 'invalid_redirect_uri' } });
    const { message } = result.ok ? { message: '' } : result.error;
    for (const uri of askedUris(registrar).flat()) expect(message).toContain(uri);
    for (const option of [
      'login.redirectHost',
      'login.port',
      'registration.redirect_uris',
      'its redirect_uris with the credentials',
    ])
      expect(message).toContain(option);
    expect(registrar.openings()).toBe(0);
  });

  it.each<[string, ManagerOptions]>([
    ['login.redirectHost', { login: { redirectHost: '127.0.0.1' } }],
    ['registration.redirect_uris', { registration: { redirect_uris: ['http://127.0.0.1/mine'] } }],
  ])('is not asked for others where the program has set %s', async (_, options) => {
    const registrar = await startPicky(() => false, invalid());
    const message = expect.stringContaining(`the redirect_uris http://127.0.0.1`);
    expect(await logIn(registrar, options)).toMatchObject({ ok: false, error: { message } });
    expect(askedUris(registrar)).toHaveLength(1);
  });

  it.each<Reply>([
    { status: 400, json: { error: 'invalid_client_metadata', error_description: 'client_name is taken' } },
    { status: 403, json: { error: 'access_denied', error_description: 'No redirect URIs for strangers' } },
    { status: 503, json: { error: 'temporarily_unavailable', error_description: 'redirect to maintenance' } },
  ])('is not meant where it answers %j', async (refusal) => {
    const registrar = await startPicky(() => false, refusal);
    const message = expect.not.stringContaining('It was asked for');
    expect(await logIn(registrar)).toMatchObject({ ok: false, error: { message } });
    expect(askedUris(registrar)).toHaveLength(1);
  });
});

describe('a server that registers other redirect URIs than it was asked for', () => {
  it.each<[string, (uris: string[]) => unknown, (asked: string[]) => string | undefined]>([
    ['fewer', (uris) => uris.slice(0, 1), (asked) => asked[0]],
    [
      'another port',
      (uris) => uris.map((uri) => uri.replace(/:\d+(?=\/)/, ':28391')),
      (asked) => asked[0]?.replace(/:\d+(?=\/)/, ':28391'),
    ],
    ['none, in an empty list', () => [], (asked) => asked[0]],
    ['none, and does not say so', () => undefined, (asked) => asked[0]],
  ])('has its own ones used: %s (RFC 7591 section 3.2.1)', async (_, change, expected) => {
    const registrar = await startRegistrar();
    registrar.managed = false;
    registrar.change = ({ redirect_uris, ...rest }) => ({ ...rest, redirect_uris: change(redirect_uris as string[]) });
    const directory = temporaryDirectory();
    for (const scope of ['one', 'two']) {
      const { manager } = managerAt(directory, { login: { openBrowser: registrar.openBrowser } });
      expect(await manager.get(registrar.metadata, { scope })).toMatchObject({ ok: true });
    }
    const uri = expected(askedUris(registrar)[0] ?? []);
    expect(registrar.redirectUris()).toEqual([uri, uri]);
    expect(registrar.registrations()).toBe(1);
    expect(registeredClient(directory, registrar)?.['redirect_uris']).toContain(uri);
  });
});

it('pushes the logins of a client whose registration asks for it, also in the next process (RFC 9126 section 6)', async () => {
  const { server, metadata } = await startScripted({
    '/register': { status: 201, json: { client_id: 'registered', require_pushed_authorization_requests: true } },
    '/par': { status: 201, json: { request_uri: 'urn:example:reference', expires_in: 60 } },
  });
  const target = { ...metadata, pushed_authorization_request_endpoint: `${server.origin}/par` };
  const directory = temporaryDirectory();
  for (const scope of ['one', 'two']) {
    const ended = new AbortController();
    const openBrowser = (): void => ended.abort();
    const { manager } = managerAt(directory, { login: { par: 'never', openBrowser } });
    await manager.get(target, { scope }, { signal: ended.signal }).catch(() => undefined);
  }
  expect(server.requests.map(({ path }) => path)).toEqual(['/register', '/par', '/par']);
});
