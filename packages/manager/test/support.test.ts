import type { Credentials, ManagerOptions } from '@oa/manager';
import type { AuthorizationServer } from '@oa/types';
import { expect, it } from 'vitest';
import { agreeingBrowser, bearer, managerAt, startScripted, temporaryDirectory } from './setup.ts';

const client_id = 'p';

it.each<[string, string[] | undefined, boolean | undefined, boolean]>([
  ['only plain', ['plain'], undefined, false],
  ['only plain', ['plain'], false, false],
  ['nothing', undefined, true, false],
  ['an empty list', [], true, false],
  ['nothing', undefined, undefined, true],
  ['S256', ['plain', 'S256'], true, true],
])(
  'a server that lists %s (%j) with requirePkce %s: registered at and logged in to: %s',
  async (_, methods, requirePkce, accepted) => {
    const { server, metadata } = await startScripted({
      '/register': { status: 201, json: { client_id: 'registered' } },
      '/token': bearer('a'),
    });
    server.script({
      '/register': { status: 201, json: { client_id: 'registered' } },
      '/token': bearer('a'),
      '/.well-known/oauth-authorization-server': { json: { ...metadata, code_challenge_methods_supported: methods } },
    });
    const { openBrowser, urls } = agreeingBrowser();
    const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser }, discovery: { requirePkce } });
    const result = await manager.get(server.origin, {});
    expect(result).toMatchObject(accepted ? { ok: true } : { ok: false, error: { code: 'pkce_unsupported' } });
    expect(urls).toHaveLength(accepted ? 1 : 0);
    expect(server.requests.map(({ path }) => path)).toEqual([
      '/.well-known/oauth-authorization-server',
      ...(accepted ? ['/register', '/token'] : []),
    ]);
  },
);

it('refuses guessed endpoints under requirePkce, and says where metadata was looked for', async () => {
  const { server } = await startScripted();
  const { manager } = managerAt(temporaryDirectory(), {
    login: { openBrowser: agreeingBrowser().openBrowser },
    discovery: { requirePkce: true },
  });
  const result = await manager.get(server.origin, { client_id });
  expect(result).toMatchObject({ ok: false, error: { code: 'pkce_unsupported' } });
  expect(result.ok || result.error.message).toContain('so the conventional endpoints are guessed');
});

it('grants client credentials at any server: they need no PKCE', async () => {
  const { metadata } = await startScripted({ '/token': bearer('a') });
  const { manager } = managerAt(temporaryDirectory(), { discovery: { requirePkce: true } });
  const target = { ...metadata, code_challenge_methods_supported: ['plain'] };
  expect(await manager.get(target, { client_id, client_secret: 's' })).toMatchObject({ ok: true });
  const authorization_details = [{ type: 'payment' }];
  const detailed = await manager.get(target, { client_id, client_secret: 's', authorization_details });
  expect(detailed).toMatchObject({ ok: true });
});

it.each([
  ['a login', {}],
  ['client credentials', { client_id, client_secret: 's' }],
])(
  'refuses a type of authorization_details that the server does not list, before %s (RFC 9396 section 10)',
  async (_, more) => {
    const { server, metadata } = await startScripted();
    const { openBrowser, urls } = agreeingBrowser();
    const target: AuthorizationServer = { ...metadata, authorization_details_types_supported: ['payment'] };
    const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser } });
    const result = await manager.get(target, { ...more, authorization_details: [{ type: 'other' }] });
    expect(result).toMatchObject({ ok: false, error: { code: 'authorization_details_unsupported' } });
    expect(server.requests).toEqual([]);
    expect(urls).toEqual([]);
  },
);

const device = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code' } as const;

it.each<[string, string, ManagerOptions['login'], Partial<AuthorizationServer>, Credentials]>([
  ['a login that must be pushed', 'pushed_authorization_request_endpoint', { par: 'require' }, {}, {}],
  [
    'a login at a server that takes pushed ones only',
    'pushed_authorization_request_endpoint',
    {},
    { require_pushed_authorization_requests: true },
    {},
  ],
  ['a login', 'authorization_endpoint', {}, { authorization_endpoint: undefined } as never, {}],
  ['a device login', 'device_authorization_endpoint', {}, {}, device],
  [
    'a device login, in metadata with null,',
    'device_authorization_endpoint',
    {},
    { device_authorization_endpoint: null } as never,
    device,
  ],
])('registers no client for %s where the server has no %s', async (_, endpoint, login, more, credentials) => {
  const { server, metadata } = await startScripted({ '/register': { status: 201, json: { client_id: 'registered' } } });
  const { manager } = managerAt(temporaryDirectory(), { interaction: 'always', login });
  const error = { code: 'endpoint_missing', message: expect.stringContaining(`names no ${endpoint}`) };
  expect(await manager.get({ ...metadata, ...more }, credentials)).toMatchObject({ ok: false, error });
  expect(server.requests).toEqual([]);
});
