import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { expect, it, onTestFinished } from 'vitest';
import { agreeingBrowser, bearer, managerAt, startScripted, temporaryDirectory } from '../setup.ts';

/** A server that logs its user in only at the redirect URIs that are registered, with any port (RFC 8252 section 7.3). */
async function startHonestServer(redirectUris: () => string[]): Promise<ScriptedServer> {
  const honest = await startScriptedServer();
  onTestFinished(() => honest.close());
  honest.script({
    '/authorize': ({ url }) => {
      const { searchParams } = new URL(url, honest.origin);
      const callback = new URL(searchParams.get('redirect_uri') ?? '');
      const known = redirectUris()
        .map((uri) => new URL(uri))
        .some(({ hostname, pathname }) => hostname === callback.hostname && pathname === callback.pathname);
      if (!known) return { status: 400, headers: { 'content-type': 'text/html' }, body: 'unknown redirect URI' };
      callback.search = new URLSearchParams({ code: 'honest-code', state: searchParams.get('state') ?? '' }).toString();
      return { status: 302, headers: { location: callback.href } };
    },
    '/token': bearer('honest'),
    '/register': ({ body }) => ({ status: 201, json: { ...(JSON.parse(body) as object), client_id: 'honest-client' } }),
  });
  return honest;
}

function metadataOf(server: ScriptedServer): {
  issuer: string;
  token_endpoint: string;
  authorization_endpoint: string;
  registration_endpoint: string;
} {
  const { origin } = server;
  return {
    issuer: origin,
    token_endpoint: `${origin}/token`,
    authorization_endpoint: `${origin}/authorize`,
    registration_endpoint: `${origin}/register`,
  };
}

it('brings no code of an honest server to a hostile one that names its authorization endpoint and client (RFC 9700 section 4.4.2)', async () => {
  // The honest server knows the redirect URIs that were registered with it.
  const honest: ScriptedServer = await startHonestServer(() => {
    const [registration] = honest.requestsTo('/register');
    return (JSON.parse(registration?.body ?? '{}') as { redirect_uris?: string[] }).redirect_uris ?? [];
  });
  const directory = temporaryDirectory();
  const login = { openBrowser: (url: string) => fetch(url).then((response) => response.text()), timeout: 2000 };
  const { manager } = managerAt(directory, { login });
  const honestMetadata = metadataOf(honest);
  // Registers the honest client.
  expect(await manager.get(honestMetadata, {})).toMatchObject({ ok: true });

  const hostile = await startScriptedServer({
    '/token': bearer('hostile'),
    '/register': ({ body }) => ({ status: 201, json: { ...(JSON.parse(body) as object), client_id: 'honest-client' } }),
  });
  onTestFinished(() => hostile.close());
  const mixed = { ...metadataOf(hostile), authorization_endpoint: honestMetadata.authorization_endpoint };
  expect(await manager.get(mixed, {})).toMatchObject({ ok: false, error: { code: 'login_timeout' } });
  expect(hostile.requestsTo('/token')).toEqual([]);
});

it('refuses redirect URIs in a registration answer that were not asked for', async () => {
  const { server, metadata } = await startScripted();
  server.script({
    '/register': {
      status: 201,
      json: { client_id: 'c', redirect_uris: ['http://127.0.0.1/callback/of-another-issuer'] },
    },
    '/token': bearer('a'),
  });
  const { openBrowser, urls } = agreeingBrowser();
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser } });
  expect(await manager.get(metadata, {})).toMatchObject({ ok: false, error: { code: 'invalid_response' } });
  expect(urls).toEqual([]);
});

/** A resource that names `issuers` as its authorization servers. */
async function startResource(issuers: () => string[]): Promise<string> {
  const resource = await startScriptedServer();
  onTestFinished(() => resource.close());
  const url = `${resource.origin}/api`;
  resource.script({
    '/.well-known/oauth-protected-resource/api': () => ({ json: { resource: url, authorization_servers: issuers() } }),
  });
  return url;
}

async function startIssuer(token: string): Promise<ScriptedServer> {
  const issuer = await startScriptedServer();
  onTestFinished(() => issuer.close());
  issuer.script({ '/.well-known/oauth-authorization-server': { json: metadataOf(issuer) }, '/token': bearer(token) });
  return issuer;
}

it('binds a configured client to the issuer where a bare resource led it first, in later processes too', async () => {
  const [mine, hostile] = await Promise.all([startIssuer('mine'), startIssuer('hostile')]);
  const good = await startResource(() => [mine.origin]);
  const evil = await startResource(() => [hostile.origin]);
  const both = await startResource(() => [hostile.origin, mine.origin]);
  const directory = temporaryDirectory();
  const manager = () => managerAt(directory, { login: { openBrowser: agreeingBrowser().openBrowser } }).manager;
  const credentials = { client_id: 'configured' };
  expect((await manager().getToken({ resource: good }, credentials)).access_token).toBe('mine');
  const refused = await manager().get({ resource: evil }, credentials);
  expect(refused).toMatchObject({ ok: false, error: { code: 'resource_mismatch' } });
  expect(refused.ok ? '' : refused.error.message).toContain('pass { resource, issuer }');
  expect(hostile.requestsTo('/token')).toEqual([]);
  // Of several servers the one that knows the client is used.
  expect((await manager().getToken({ resource: both }, credentials)).access_token).toBe('mine');
  // The caller may decide otherwise.
  expect((await manager().getToken({ resource: evil, issuer: hostile.origin }, credentials)).access_token).toBe(
    'hostile',
  );
});

it('binds a client with a secret to the issuer that the caller named, and sends the secret to no other one', async () => {
  const [mine, hostile] = await Promise.all([startIssuer('mine'), startIssuer('hostile')]);
  const issuers = [mine.origin];
  const resource = await startResource(() => issuers);
  const directory = temporaryDirectory();
  const credentials = { client_id: 'confidential', client_secret: 'S3CRET' };
  const manager = () => managerAt(directory).manager;
  await expect(manager().get({ resource }, credentials)).rejects.toThrow(/pass \{ resource, issuer \}/);
  await manager().getToken({ resource, issuer: mine.origin }, credentials);
  expect((await manager().getToken({ resource }, { ...credentials, scope: 'read' })).access_token).toBe('mine');
  expect(mine.requestsTo('/token')).toHaveLength(2);
  issuers[0] = hostile.origin;
  const moved = await startResource(() => issuers);
  const refused = await manager().get({ resource: moved }, credentials);
  expect(refused).toMatchObject({ ok: false, error: { code: 'resource_mismatch' } });
  expect(JSON.stringify(refused)).not.toContain('S3CRET');
  expect(hostile.requests).toEqual([]);
});

it('binds in memory where the program keeps its tokens in a cache of its own', async () => {
  const [mine, hostile] = await Promise.all([startIssuer('mine'), startIssuer('hostile')]);
  const good = await startResource(() => [mine.origin]);
  const evil = await startResource(() => [hostile.origin]);
  const { manager } = managerAt(temporaryDirectory(), {
    cache: new Map(),
    login: { openBrowser: agreeingBrowser().openBrowser },
  });
  await manager.getToken({ resource: good }, { client_id: 'configured' });
  expect(await manager.get({ resource: evil }, { client_id: 'configured' })).toMatchObject({
    ok: false,
    error: { code: 'resource_mismatch' },
  });
});

it('sends a software statement only to an issuer that the caller names', async () => {
  const { server, metadata } = await startScripted();
  const resource = `${server.origin}/api`;
  server.script({
    '/.well-known/oauth-authorization-server': { json: metadata },
    '/.well-known/oauth-protected-resource/api': { json: { resource, authorization_servers: [server.origin] } },
    '/register': ({ body }) => ({ status: 201, json: { ...(JSON.parse(body) as object), client_id: 'c' } }),
    '/token': bearer('a'),
  });
  const registration = { software_statement: 'signed-statement' };
  const statement = async (target: Parameters<ReturnType<typeof managerAt>['manager']['get']>[0]): Promise<unknown> => {
    server.requests.length = 0;
    const { openBrowser } = agreeingBrowser();
    await managerAt(temporaryDirectory(), { registration, login: { openBrowser } }).manager.getToken(target, {});
    return (JSON.parse(server.requestsTo('/register')[0]?.body ?? '{}') as Record<string, unknown>)[
      'software_statement'
    ];
  };
  expect(await statement({ resource })).toBeUndefined();
  expect(await statement({ resource, issuer: server.origin })).toBe('signed-statement');
  expect(await statement(server.origin)).toBe('signed-statement');
});
