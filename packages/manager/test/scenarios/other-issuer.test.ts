// A resource whose authorization server can't serve the program: another one that it names does.
import type { Reply } from '@oa-internal/scripted-server';
import { expect, it } from 'vitest';
import { clientAt, startIssuer, startResource } from '../resource-setup.ts';
import { authorizationUrlAt, bearer, changeStored, temporaryDirectory, typesOf } from '../setup.ts';

function startClosed(status: number): ReturnType<typeof startIssuer> {
  return startIssuer('closed', { replies: { '/register': { status, json: { error: 'access_denied' } } } });
}

it.each([401, 403, 404, 405, 410, 501])(
  'asks the second server where the first one refuses to register the program with %i',
  async (status) => {
    const [closed, other] = await Promise.all([startClosed(status), startIssuer('other')]);
    const resource = await startResource([closed.origin, other.origin]);
    const directory = temporaryDirectory();
    expect(await clientAt(directory, resource.url).post()).toBe('other-1');
    expect(closed.requestsTo('/register')).toHaveLength(1);
    // The next process has a session and a client at the second server.
    const next = clientAt(directory, resource.url);
    expect((await next.manager.login({ resource: resource.url }, {})).ok).toBe(true);
    expect(closed.requestsTo('/register')).toHaveLength(1);
  },
);

it.each<[string, Reply]>([
  ['refuses the metadata of the program', { status: 400, json: { error: 'invalid_client_metadata' } }],
  ['refuses the redirect URIs of the program', { status: 400, json: { error: 'invalid_redirect_uri' } }],
  ['fails', { status: 500 }],
  ['answers with a page', { body: '<html>Sign up</html>', headers: { 'content-type': 'text/html' } }],
  ['registers a client without a client_id', { status: 201, json: {} }],
])('asks the second server where the registration endpoint of the first one %s', async (_name, reply) => {
  const closed = await startIssuer('closed', { replies: { '/register': reply } });
  const other = await startIssuer('other');
  const resource = await startResource([closed.origin, other.origin]);
  const client = clientAt(temporaryDirectory(), resource.url);
  expect(await client.post()).toBe('other-1');
  expect(client.urls.map(({ origin }) => origin)).toEqual([other.origin]);
});

it('logs in at the second server with an explicit login too', async () => {
  const [closed, other] = await Promise.all([startClosed(403), startIssuer('other')]);
  const resource = await startResource([closed.origin, other.origin]);
  const { manager } = clientAt(temporaryDirectory(), resource.url);
  expect(await manager.login({ resource: resource.url }, {})).toMatchObject({ value: { access_token: 'other-1' } });
});

it('asks each server once where none registers the program, and the error is about the first one', async () => {
  const [first, second] = await Promise.all([startClosed(403), startClosed(401)]);
  const resource = await startResource([first.origin, second.origin]);
  const { manager } = clientAt(temporaryDirectory(), resource.url);
  const result = await manager.get({ resource: resource.url }, {});
  expect(result).toMatchObject({ error: { code: 'client_required', message: expect.stringContaining(first.origin) } });
  expect([first, second].map((server) => server.requestsTo('/register').length)).toEqual([1, 1]);
});

it('ends with the error of the second server where that registers the program and refuses the grant', async () => {
  const closed = await startClosed(403);
  const other = await startIssuer('other', {
    replies: { '/token': { status: 400, json: { error: 'invalid_grant' } } },
  });
  const resource = await startResource([closed.origin, other.origin]);
  const { manager } = clientAt(temporaryDirectory(), resource.url);
  const result = await manager.get({ resource: resource.url }, {});
  expect(result).toMatchObject({ error: { code: 'oauth_error', error: 'invalid_grant' } });
  expect(other.requestsTo('/token')).toHaveLength(1);
});

it('registers at no other server than the one that the program names', async () => {
  const [closed, other] = await Promise.all([startClosed(403), startIssuer('other')]);
  const resource = await startResource([other.origin]);
  const { manager, events } = clientAt(temporaryDirectory(), resource.url);
  const result = await manager.get({ resource: resource.url, issuer: closed.origin }, {});
  expect(result).toMatchObject({ error: { code: 'client_required' } });
  expect(other.requests).toEqual([]);
  expect(typesOf(events).filter((type) => type === 'issuer_not_named')).toHaveLength(1);
});

it('passes over a server without the endpoint that the login needs, although the program has a client there', async () => {
  const [without, other] = await Promise.all([startIssuer('without'), startIssuer('other')]);
  const { origin } = other;
  const pushed = { request_uri: 'urn:ietf:params:oauth:request_uri:x', expires_in: 60 };
  other.script({
    '/.well-known/oauth-authorization-server': {
      json: {
        issuer: origin,
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
        pushed_authorization_request_endpoint: `${origin}/par`,
      },
    },
    '/par': { status: 201, json: pushed },
    '/token': bearer('other-1'),
  });
  const resource = await startResource([without.origin, origin]);
  const openBrowser = async (start: string): Promise<Response> => {
    await authorizationUrlAt(start);
    const [push] = other.requestsTo('/par');
    const callback = new URL(push?.form.get('redirect_uri') ?? '');
    callback.search = new URLSearchParams({ code: 'code', state: push?.form.get('state') ?? '' }).toString();
    return fetch(callback);
  };
  const clients = { [without.origin]: { client_id: 'a' }, [origin]: { client_id: 'b' } };
  const options = { clients, login: { par: 'require', openBrowser } } as const;
  expect(await clientAt(temporaryDirectory(), resource.url, options).post()).toBe('other-1');
});

it('asks no user to log in at a server that the resource left less than 10 minutes ago', async () => {
  const directory = temporaryDirectory();
  const [before, after] = await Promise.all([startIssuer('before'), startIssuer('after')]);
  const resource = await startResource([before.origin]);
  await clientAt(directory, resource.url).post();
  await changeStored(directory, ({ access_token, token_type }) => ({ access_token, token_type, expires_at: 1 }));
  resource.issuers = [after.origin];
  resource.accepts = (token) => token.startsWith('after');
  before.requests.length = 0;
  const client = clientAt(directory, resource.url);
  const calls = Array.from({ length: 5 }, async () => client.post());
  expect(await Promise.all(calls)).toEqual(Array.from({ length: 5 }, () => 'after-1'));
  expect(before.requests).toEqual([]);
});

it('asks no user to log in at the former server where that refuses the refresh token', async () => {
  const directory = temporaryDirectory();
  const [before, after] = await Promise.all([startIssuer('before'), startIssuer('after')]);
  const resource = await startResource([before.origin]);
  await clientAt(directory, resource.url).post();
  await changeStored(directory, (token) => ({ ...token, expires_at: 1 }));
  before.script({ '/token': { status: 400, json: { error: 'invalid_grant' } } });
  resource.issuers = [after.origin];
  const client = clientAt(directory, resource.url);
  const result = await client.manager.get({ resource: resource.url }, {});
  expect(result).toMatchObject({ value: { access_token: 'after-1' } });
  expect(client.urls.map(({ origin }) => origin)).toEqual([after.origin]);
});

it('lets the user log in at the server that the resource names now', async () => {
  const directory = temporaryDirectory();
  const [before, after] = await Promise.all([startIssuer('before'), startIssuer('after')]);
  const resource = await startResource([before.origin]);
  await clientAt(directory, resource.url).post();
  resource.issuers = [after.origin];
  const { manager, urls } = clientAt(directory, resource.url);
  expect(await manager.login({ resource: resource.url }, {})).toMatchObject({ value: { access_token: 'after-1' } });
  expect(urls.map(({ origin }) => origin)).toEqual([after.origin]);
});

it.each<[string, object]>([
  ['publishes no metadata', { status: 404 }],
  ['names no authorization server', { json: { resource: 'RESOURCE', scopes_supported: ['read'] } }],
])('uses the issuer of the caller where the resource %s, without an event', async (_, away) => {
  const [issuer, other] = await Promise.all([startIssuer('a'), startIssuer('b')]);
  const resource = await startResource([]);
  resource.away = JSON.parse(JSON.stringify(away).replace('RESOURCE', resource.url));
  const directory = temporaryDirectory();
  const client = clientAt(directory, resource.url);
  const target = { resource: resource.url, issuer: issuer.origin };
  expect(await client.manager.get(target, {})).toMatchObject({ value: { access_token: 'a-1' } });
  expect(typesOf(client.events)).not.toContain('issuer_not_named');
  expect(client.urls[0]?.searchParams.get('resource')).toBe(resource.url);
  // What was found is cached, and no answer to a call that names no issuer.
  const requests = resource.server.requests.length;
  expect(await clientAt(directory, resource.url).manager.get({ ...target, issuer: other.origin }, {})).toMatchObject({
    value: { access_token: 'b-1' },
  });
  expect(resource.server.requests).toHaveLength(requests);
  const bare = await clientAt(directory, resource.url).manager.get({ resource: resource.url }, {});
  expect(bare).toMatchObject({ error: { code: 'metadata_not_found' } });
});

it.each([{}, { client_id: 'by-hand' }])(
  'logs in without offline_access where the server lists it and refuses it to the client: %o',
  async (credentials) => {
    const issuer = await startIssuer('a', { scopes: ['read', 'offline_access'] });
    const resource = await startResource([issuer.origin]);
    resource.challenge = 'scope="read"';
    const scopes: (string | null)[] = [];
    const openBrowser = async (start: string): Promise<Response> => {
      const { searchParams } = await authorizationUrlAt(start);
      const callback = new URL(searchParams.get('redirect_uri') ?? '');
      const scope = searchParams.get('scope');
      scopes.push(scope);
      const answer = scope === 'read' ? { code: 'code' } : { error: 'invalid_scope' };
      callback.search = new URLSearchParams({ ...answer, state: searchParams.get('state') ?? '' }).toString();
      return fetch(callback);
    };
    const client = clientAt(temporaryDirectory(), resource.url, { login: { openBrowser } }, credentials);
    expect(await client.post()).toBe('a-1');
    expect(scopes.at(-1)).toBe('read');
  },
);

it('asks for offline_access once where the caller wants it and the server refuses it', async () => {
  const replies = { '/token': { status: 400, json: { error: 'invalid_scope' } } };
  const issuer = await startIssuer('a', { scopes: ['read', 'offline_access'], replies });
  const resource = await startResource([issuer.origin]);
  const credentials = { client_id: 'by-hand', scope: 'read offline_access' };
  const { manager, urls } = clientAt(temporaryDirectory(), resource.url);
  const result = await manager.get({ resource: resource.url }, credentials);
  expect(result).toMatchObject({ error: { error: 'invalid_scope' } });
  expect(urls).toHaveLength(1);
});
