import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startAuthorizationServer, startProtectedApi } from '@oa-internal/authorization-server';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { createFetch } from '@oa/fetch';
import { expect, onTestFinished, test } from 'vitest';
import { managerAt, temporaryDirectory } from './workplace.ts';

test('E4: from a protected resource to its issuer: its challenge, its metadata, its authorization server', async () => {
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

test('A9, E4: the resource is sent unchanged, the scope is the challenge’s, else the metadata’s, else none', async () => {
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
    await managerAt(temporaryDirectory()).manager.getToken(
      { resource: url, issuer: issuer.origin },
      { client_id: 'c', client_secret: 's' },
    );
    const form = issuer.requestsTo('/token')[0]?.form;
    expect(form?.get('resource')).toBe(url);
    expect(form?.get('scope')).toBe(scope);
  }
});

test('a scope or resource that is undefined is not named, and the resource’s own is sent', async () => {
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
  await managerAt(temporaryDirectory()).manager.getToken(
    { resource: url, issuer: issuer.origin },
    { client_id: 'c', client_secret: 's', scope: undefined, resource: undefined },
  );
  const form = issuer.requestsTo('/token')[0]?.form;
  expect([form?.get('resource'), form?.get('scope')]).toEqual([url, 'x y']);
});

test('E4: metadata for another resource, or that names no issuer, ends in a typed error, and no token is asked for', async () => {
  const resource = await startScriptedServer();
  onTestFinished(() => resource.close());
  const { manager } = managerAt(temporaryDirectory());
  const get = (): ReturnType<typeof manager.get> =>
    manager.get(
      { resource: `${resource.origin}/api`, issuer: resource.origin },
      { client_id: 'c', client_secret: 's' },
    );
  resource.script({
    '/.well-known/oauth-protected-resource/api': {
      json: { resource: 'https://other.example', authorization_servers: [resource.origin] },
    },
  });
  expect(await get()).toMatchObject({ ok: false, error: { code: 'resource_mismatch' } });
  resource.script({ '/.well-known/oauth-protected-resource/api': { json: { resource: `${resource.origin}/api` } } });
  expect(await get()).toMatchObject({ ok: false, error: { code: 'metadata_not_found' } });
  expect(resource.requestsTo('/token')).toEqual([]);
});

test('more scopes: the union of what the source had and what is wanted, and from then on with every token', async () => {
  const issuer = await startScriptedServer(({ form }) => ({
    json: {
      access_token: `for ${form.get('scope')}`,
      token_type: 'Bearer',
      expires_in: 3600,
      scope: form.get('scope'),
    },
  }));
  onTestFinished(() => issuer.close());
  const target = { issuer: issuer.origin, token_endpoint: `${issuer.origin}/token` };
  const { manager } = managerAt(temporaryDirectory());
  const source = manager.source(target, { client_id: 'c', client_secret: 's', scope: 'read list' });
  expect((await source()).access_token).toBe('for read list');
  expect((await source({ scope: 'write read' })).access_token).toBe('for read list write');
  expect((await source()).access_token).toBe('for read list write');
  expect(issuer.requests).toHaveLength(2);
  const other = manager.source(target, { client_id: 'c', client_secret: 's', scope: 'read list' });
  expect((await other()).access_token).toBe('for read list');
  expect(issuer.requests).toHaveLength(2);
});

test('insufficient_scope at the API: one grant for the union, one second request, and no more of either afterwards', async () => {
  const issuer = await startScriptedServer(({ form }) => ({
    json: { access_token: `for ${form.get('scope')}`.replaceAll(' ', '-'), token_type: 'Bearer', expires_in: 3600 },
  }));
  onTestFinished(() => issuer.close());
  const api = await startScriptedServer(({ headers }) =>
    headers.authorization === 'Bearer for-read-write'
      ? { json: { ok: true } }
      : { status: 403, headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="write"' } },
  );
  onTestFinished(() => api.close());
  const { manager } = managerAt(temporaryDirectory());
  const target = { issuer: issuer.origin, token_endpoint: `${issuer.origin}/token` };
  const call = createFetch(manager.source(target, { client_id: 'c', client_secret: 's', scope: 'read' }));
  expect((await call(api.origin)).status).toBe(200);
  expect((await call(api.origin)).status).toBe(200);
  expect(api.requests).toHaveLength(3);
  expect(issuer.requests).toHaveLength(2);
});

test('an API that asks for another scope in every answer gets 20 tokens, not one each time', async () => {
  const issuer = await startScriptedServer((_, index) => ({
    json: { access_token: `token-${index}`, token_type: 'Bearer', expires_in: 3600 },
  }));
  onTestFinished(() => issuer.close());
  const api = await startScriptedServer((_, index) => ({
    status: 403,
    headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="scope-${index}"` },
  }));
  onTestFinished(() => api.close());
  const { manager } = managerAt(temporaryDirectory());
  const target = { issuer: issuer.origin, token_endpoint: `${issuer.origin}/token` };
  const call = createFetch(manager.source(target, { client_id: 'c', client_secret: 's', scope: 'read' }));
  for (let calls = 0; calls < 30; calls += 1) expect((await call(api.origin)).status).toBe(403);
  expect(issuer.requests).toHaveLength(21);
  expect(issuer.requests.at(-1)?.form.get('scope')?.split(' ')).toHaveLength(21);
});

test('E4: scopes that no login’s URL can carry are refused, whoever names them', async () => {
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

test('what is remembered of a resource is checked when it is read again, and believed for 10 minutes at most', async () => {
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

/** A resource whose requirements have been written to the disk, and a way to ask as a new process would. */
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

test('A8, G3: a resource can’t have a client secret sent to a server that it names', async () => {
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
  const result = await manager.get({ resource: url, issuer: 'https://as.example' }, credentials);
  expect(result).toMatchObject({ ok: false, error: { code: 'resource_mismatch' } });
  expect(elsewhere.requests).toEqual([]);
});

test('of several authorization servers the one that the caller names, else the first', async () => {
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
  const openBrowser = (address: string): Promise<Response> => {
    const { searchParams } = new URL(address);
    const callback = new URL(searchParams.get('redirect_uri') ?? '');
    callback.search = new URLSearchParams({ code: 'code', state: searchParams.get('state') ?? '' }).toString();
    return fetch(callback);
  };
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser, print: () => {} } });
  expect((await manager.getToken({ resource: url }, { client_id: 'p' })).access_token).toBe('first');
  expect((await manager.getToken({ resource: url, issuer: issuers[1] ?? '' }, { client_id: 'p' })).access_token).toBe(
    'second',
  );
});
