import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFetch } from '@oa/fetch';
import { startAuthorizationServer, startProtectedApi } from '@oa-internal/authorization-server';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { expect, it, onTestFinished } from 'vitest';
import { agreeingBrowser, bearer, managerAt, startScripted, temporaryDirectory, typesOf } from './setup.ts';

/** A resource whose requirements are on disk, and a function that asks as a new process would. */
async function remembered() {
  const server = await startScriptedServer();
  onTestFinished(() => server.close());
  const target = { resource: `${server.origin}/api`, issuer: server.origin };
  server.script({
    '/.well-known/oauth-protected-resource/api': {
      json: { resource: target.resource, authorization_servers: [server.origin] },
    },
    '/token': { json: { access_token: 'a', token_type: 'Bearer', expires_in: 3600 } },
  });
  const directory = temporaryDirectory();
  const ask = () => managerAt(directory).manager.get(target, { client_id: 'c', client_secret: 's' });
  await ask();
  return { origin: server.origin, directory, ask };
}

it('finds the issuer of a protected resource by its challenge and its metadata (RFC 9728 section 5)', async () => {
  await using server = await startAuthorizationServer();
  const api = await startProtectedApi(server);
  onTestFinished(() => api.close());
  const directory = temporaryDirectory();
  const { manager } = managerAt(directory);
  const call = createFetch(manager.source({ resource: api.url, issuer: server.issuer }, server.confidential));
  const response = await call(api.url);
  expect(response.status).toBe(200);
  server.requests.length = 0;
  api.requests.length = 0;
  const second = createFetch(
    managerAt(directory).manager.source({ resource: api.url, issuer: server.issuer }, server.confidential),
  );
  expect((await second(api.url)).status).toBe(200);
  expect(server.requests).toEqual([]);
  expect(api.requests).toHaveLength(1);
});

it('sends the resource unchanged, and the scope of the challenge, else of the metadata, else none (RFC 8707 section 2)', async () => {
  const issuer = await startScriptedServer();
  onTestFinished(() => issuer.close());
  issuer.script({
    '/.well-known/oauth-authorization-server': {
      json: { issuer: issuer.origin, token_endpoint: `${issuer.origin}/token` },
    },
    '/token': { json: { access_token: 'a', token_type: 'Bearer', expires_in: 3600 } },
  });
  const resource = await startScriptedServer();
  onTestFinished(() => resource.close());
  const url = `${resource.origin}/api/`;
  const metadata = { resource: url, authorization_servers: [issuer.origin], scopes_supported: ['x', 'y'] };
  const challenge = (extra: string): string => `Bearer ${extra}resource_metadata="${resource.origin}/meta"`;
  const cases: [headers: Record<string, string>, body: object, scope: string | null][] = [
    [{ 'www-authenticate': challenge('scope="one two", ') }, metadata, 'one two'],
    [{ 'www-authenticate': challenge('') }, metadata, 'x y'],
    [{ 'www-authenticate': challenge('') }, { ...metadata, scopes_supported: undefined }, null],
  ];
  for (const [headers, body, scope] of cases) {
    resource.script({ '/api/': { status: 401, headers }, '/meta': { json: body } });
    issuer.requests.length = 0;
    await managerAt(temporaryDirectory(), { stepUp: ['one', 'two', 'x', 'y'] }).manager.getToken(
      { resource: url, issuer: issuer.origin },
      { client_id: 'c', client_secret: 's' },
    );
    const form = issuer.requestsTo('/token')[0]?.form;
    expect(form?.get('resource')).toBe(url);
    expect(form?.get('scope')).toBe(scope);
  }
});

it('takes a scope or resource that is undefined as left out, and sends that of the resource', async () => {
  await using issuer = await startScriptedServer();
  const url = `${issuer.origin}/api`;
  issuer.script({
    '/.well-known/oauth-authorization-server': {
      json: { issuer: issuer.origin, token_endpoint: `${issuer.origin}/token` },
    },
    '/.well-known/oauth-protected-resource/api': {
      json: { resource: url, authorization_servers: [issuer.origin], scopes_supported: ['x', 'y'] },
    },
    '/token': { json: { access_token: 'a', token_type: 'Bearer', expires_in: 3600 } },
  });
  await managerAt(temporaryDirectory(), { stepUp: ['one', 'two', 'x', 'y'] }).manager.getToken(
    { resource: url, issuer: issuer.origin },
    { client_id: 'c', client_secret: 's', scope: undefined, resource: undefined },
  );
  const form = issuer.requestsTo('/token')[0]?.form;
  expect([form?.get('resource'), form?.get('scope')]).toEqual([url, 'x y']);
});

it('ends in a typed error for metadata of another resource or without an issuer, and asks for no token (RFC 9728 section 3.3)', async () => {
  const resource = await startScriptedServer();
  onTestFinished(() => resource.close());
  const { manager } = managerAt(temporaryDirectory());
  const url = `${resource.origin}/api`;
  const mine = { client_id: 'c', client_secret: 's' };
  resource.script({
    '/.well-known/oauth-protected-resource/api': {
      json: { resource: 'https://other.example', authorization_servers: [resource.origin] },
    },
  });
  const mismatch = { ok: false, error: { code: 'resource_mismatch' } };
  expect(await manager.get({ resource: url, issuer: resource.origin }, mine)).toMatchObject(mismatch);
  resource.script({ '/.well-known/oauth-protected-resource/api': { json: { resource: url } } });
  const missing = { ok: false, error: { code: 'metadata_not_found' } };
  expect(await manager.get({ resource: url }, { client_id: 'c' })).toMatchObject(missing);
  expect(resource.requestsTo('/token')).toEqual([]);
});

it('refuses scopes that a login can not carry in its URL', async () => {
  const resource = await startScriptedServer();
  onTestFinished(() => resource.close());
  const target = { resource: `${resource.origin}/api` };
  for (const scope of ['x'.repeat(5000), 'read\u001b[2J']) {
    const metadata = { ...target, authorization_servers: [resource.origin], scopes_supported: [scope] };
    resource.script({ '/.well-known/oauth-protected-resource/api': { json: metadata } });
    const { manager } = managerAt(temporaryDirectory());
    expect(await manager.get(target, { client_id: 'c' })).toMatchObject({
      ok: false,
      error: { code: 'invalid_response' },
    });
  }
});

it('checks remembered requirements when they are read, and believes them for 10 minutes at most', async () => {
  const { origin, directory, ask } = await remembered();
  const folder = join(directory, 'cache', 'test', 'resources');
  const [name = ''] = readdirSync(folder);
  const file = join(folder, name);
  const good = JSON.parse(readFileSync(file, 'utf8')) as { expires_at: number };
  for (const bad of [
    null,
    3,
    { ...good, authorization_servers: undefined },
    { ...good, authorization_servers: [] },
    { ...good, authorization_servers: [null] },
    { ...good, resource: 'https://other.example' },
    { ...good, scope: 3 },
    { ...good, expires_at: good.expires_at + 3600 },
    { ...good, expires_at: '9999999999' },
  ]) {
    writeFileSync(file, JSON.stringify(bad));
    expect(await ask()).toMatchObject({ ok: true });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ authorization_servers: [origin] });
  }
});

it('sends a client secret to no server that only the resource names (RFC 9700 section 4.4)', async () => {
  const elsewhere = await startScriptedServer();
  onTestFinished(() => elsewhere.close());
  const resource = await startScriptedServer();
  onTestFinished(() => resource.close());
  const url = `${resource.origin}/api`;
  resource.script({
    '/.well-known/oauth-protected-resource/api': { json: { resource: url, authorization_servers: [elsewhere.origin] } },
  });
  const { manager } = managerAt(temporaryDirectory());
  const credentials = { client_id: 'c', client_secret: 's' };
  await expect(manager.get({ resource: url }, credentials)).rejects.toThrow(/pass \{ resource, issuer \}/);
  expect(resource.requests).toEqual([]);
  const { metadata } = await startScripted({ '/token': bearer('a') });
  const result = await manager.get({ resource: url, issuer: metadata.issuer }, credentials);
  expect(result).toMatchObject({ ok: true, value: { access_token: 'a' } });
  expect(elsewhere.requests).toEqual([]);
});

it('uses the authorization server that the caller names, else the first of the resource', async () => {
  const issuers = await Promise.all(
    ['first', 'second'].map(async (name) => {
      const issuer = await startScriptedServer();
      onTestFinished(() => issuer.close());
      issuer.script({
        '/.well-known/oauth-authorization-server': {
          json: {
            issuer: issuer.origin,
            token_endpoint: `${issuer.origin}/token`,
            authorization_endpoint: `${issuer.origin}/authorize`,
          },
        },
        '/token': { json: { access_token: name, token_type: 'Bearer', expires_in: 3600 } },
      });
      return issuer.origin;
    }),
  );
  const resource = await startScriptedServer();
  onTestFinished(() => resource.close());
  const url = `${resource.origin}/api`;
  resource.script({
    '/.well-known/oauth-protected-resource/api': { json: { resource: url, authorization_servers: issuers } },
  });
  const { openBrowser } = agreeingBrowser();
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser, print: () => {} } });
  expect((await manager.getToken({ resource: url }, { client_id: 'p' })).access_token).toBe('first');
  expect((await manager.getToken({ resource: url, issuer: issuers[1] ?? '' }, { client_id: 'p' })).access_token).toBe(
    'second',
  );
});

it("guesses no endpoint with discovery: { fallback: 'none' }", async () => {
  const { server } = await startScripted({ '/token': bearer('a') });
  const { manager, events } = managerAt(temporaryDirectory(), { discovery: { fallback: 'none' } });
  const credentials = { client_id: 'c', client_secret: 's' };
  expect(await manager.get(server.origin, credentials)).toMatchObject({
    ok: false,
    error: { code: 'metadata_not_found' },
  });
  expect(server.requestsTo('/token')).toEqual([]);
  expect(typesOf(events)).not.toContain('discovery_fallback');
});

it('says in the error of a guessed endpoint which metadata addresses were asked before', async () => {
  const { server } = await startScripted();
  const { manager, events } = managerAt(temporaryDirectory());
  const result = await manager.get(`${server.origin}/realm`, { client_id: 'c', client_secret: 's' });
  const urls = server.requests.map(({ url }) => `${server.origin}${url}`).filter((url) => url.includes('.well-known'));
  const asked = [...new Set(urls)];
  expect(asked).toHaveLength(3);
  expect(result).toMatchObject({ ok: false, error: { code: 'http_error', status: 404 } });
  expect(!result.ok && result.error.message).toBe(
    `No metadata at ${asked.join(', ')}, so the conventional endpoints are guessed. ` +
      `${server.origin}/token answered with status 404. Is the issuer complete (realm, tenant)?`,
  );
  expect(events).toContainEqual({
    type: 'discovery_fallback',
    issuer: `${server.origin}/realm`,
    guessed_after: asked,
  });
});

it('says in each later event about the server that its endpoints are guessed, until it publishes metadata', async () => {
  const { server, metadata } = await startScripted({ '/token': bearer('a') });
  const { manager, events } = managerAt(temporaryDirectory());
  const credentials = { client_id: 'c', client_secret: 's' };
  const ask = (scope: string): Promise<unknown> => manager.get(server.origin, { ...credentials, scope });
  await ask('one');
  const guessed_after = ['oauth-authorization-server', 'openid-configuration'].map(
    (name) => `${server.origin}/.well-known/${name}`,
  );
  expect(events.find(({ type }) => type === 'obtained')).toMatchObject({ guessed_after });

  server.script({
    '/.well-known/oauth-authorization-server': { json: { ...metadata, token_endpoint: `${server.origin}/new` } },
    '/new': bearer('b'),
  });
  events.length = 0;
  expect(await ask('two')).toMatchObject({ value: { access_token: 'b' } });
  expect(events.findLast(({ type }) => type === 'obtained')).not.toHaveProperty('guessed_after');
});

it('says to a user, in the event and after the login that the address of the login is guessed', async () => {
  const { server } = await startScripted();
  const printed: string[] = [];
  const login = { print: (text: string) => printed.push(text), openBrowser: false, timeout: 50 };
  const { manager, events } = managerAt(temporaryDirectory(), { interaction: 'always', login });
  const result = await manager.get(server.origin, { client_id: 'c' });
  const address = `${server.origin}/.well-known/openid-configuration`;
  expect(printed.join('')).toContain('This address is guessed');
  expect(printed.join('')).toContain(address);
  expect(events.find(({ type }) => type === 'login_waiting')).toMatchObject({
    guessed_after: expect.arrayContaining([address]) as unknown,
  });
  expect(result).toMatchObject({ ok: false, error: { code: 'login_timeout' } });
  expect(!result.ok && result.error.message).toMatch(/guessed.*Is the issuer complete/);
  expect(!result.ok && result.error.message).toContain(address);
});

it('says that no client can be registered at a guessed address', async () => {
  const { server } = await startScripted();
  const { manager } = managerAt(temporaryDirectory(), { interaction: 'always' });
  const result = await manager.get(server.origin, {});
  expect(server.requestsTo('/register')).toHaveLength(1);
  expect(result).toMatchObject({ ok: false, error: { code: 'client_required' } });
  expect(!result.ok && result.error.message).toMatch(/No metadata at .*openid-configuration.* guessed/);
});

it.each([[''], [undefined as never], [{} as never]])('rejects the target %o with a TypeError', async (target) => {
  const { manager } = managerAt(temporaryDirectory());
  await expect(manager.get(target, { client_id: 'c' })).rejects.toThrow(/The target must be an issuer URL/);
});
