// Protected resources: the challenge of the real request decides which server issues the token (RFC 9728).
import { expect, it } from 'vitest';
import { clientAt, METADATA, pathsOf, startIssuer, startResource } from '../resource-setup.ts';
import { managerAt, startScripted, storeWithoutKeys, temporaryDirectory, typesOf } from '../setup.ts';

it('makes no request of its own to a resource without GET, and needs 4 requests there and 3 at the server', async () => {
  const issuer = await startIssuer('a');
  const resource = await startResource([issuer.origin]);
  const client = clientAt(temporaryDirectory(), resource.url);
  expect(await client.post()).toBe('a-1');
  expect(await client.post()).toBe('a-1');
  expect(pathsOf(resource)).toEqual(['POST /api', `GET ${METADATA}`, 'POST /api', 'POST /api']);
  expect(issuer.requests.map(({ path }) => path)).toEqual([
    '/.well-known/oauth-authorization-server',
    '/register',
    '/token',
  ]);
});

it('reads metadata that only the challenge names, and asks for the scopes that only the challenge names', async () => {
  const issuer = await startIssuer('a');
  const resource = await startResource([issuer.origin]);
  resource.scopes = ['everything'];
  resource.challenge = `resource_metadata="${resource.server.origin}/hidden/metadata", scope="read write"`;
  const client = clientAt(temporaryDirectory(), resource.url);
  expect(await client.post()).toBe('a-1');
  expect(pathsOf(resource)).toContain('GET /hidden/metadata');
  expect(pathsOf(resource)).not.toContain(`GET ${METADATA}`);
  expect(client.urls[0]?.searchParams.get('scope')).toBe('read write');
});

it('asks for offline_access where the server lists it, and for further scopes of the credentials', async () => {
  const issuer = await startIssuer('a', { scopes: ['read', 'offline_access'] });
  const resource = await startResource([issuer.origin]);
  resource.challenge = 'scope="read"';
  const directory = temporaryDirectory();
  const client = clientAt(directory, resource.url, {}, { additionalScope: 'write' });
  expect(await client.post()).toBe('a-1');
  expect(client.urls[0]?.searchParams.get('scope')).toBe('read write offline_access');
  expect(client.urls[0]?.searchParams.get('prompt')).toBe('consent');
  const next = clientAt(directory, resource.url, {}, { additionalScope: 'write' });
  expect(await next.post()).toBe('a-1');
  expect(next.urls).toEqual([]);
  const other = await startIssuer('b', { scopes: ['read'] });
  const plain = await startResource([other.origin]);
  plain.challenge = 'scope="read"';
  const own = clientAt(temporaryDirectory(), plain.url);
  await own.post();
  expect(own.urls[0]?.searchParams.get('scope')).toBe('read');
});

it('sends no token to an open resource, and asks no user', async () => {
  const resource = await startResource([]);
  resource.open = { json: { token: 'none' } };
  const client = clientAt(temporaryDirectory(), resource.url);
  expect(await client.post()).toBe('none');
  expect(resource.server.requests).toHaveLength(1);
  expect(client.urls).toEqual([]);
});

it('sends a stored token with the first request of a new process', async () => {
  const directory = temporaryDirectory();
  const issuer = await startIssuer('a');
  const resource = await startResource([issuer.origin]);
  await clientAt(directory, resource.url).post();
  resource.server.requests.length = 0;
  expect(await clientAt(directory, resource.url).post()).toBe('a-1');
  expect(pathsOf(resource)).toEqual(['POST /api']);
});

it('registers and logs in at the server that the resource has moved to, and not at the old one (SEP-2352)', async () => {
  const directory = temporaryDirectory();
  const before = await startIssuer('before');
  const after = await startIssuer('after');
  const resource = await startResource([before.origin]);
  expect(await clientAt(directory, resource.url).post()).toBe('before-1');
  resource.issuers = [after.origin];
  resource.accepts = (token) => token.startsWith('after');
  before.requests.length = 0;
  expect(await clientAt(directory, resource.url).post()).toBe('after-1');
  expect(before.requests).toEqual([]);
  expect(await clientAt(directory, resource.url).post()).toBe('after-1');
});

it('sends no refresh token to a server that the resource has moved away from, and needs no answer of it', async () => {
  for (const isDown of [false, true]) {
    const directory = temporaryDirectory();
    const before = await startIssuer('before');
    const after = await startIssuer('after');
    const resource = await startResource([before.origin]);
    await clientAt(directory, resource.url).post();
    resource.issuers = [after.origin];
    resource.accepts = (token) => token.startsWith('after');
    before.requests.length = 0;
    resource.server.requests.length = 0;
    if (isDown) await before.close();
    const later = Date.now() + 7_200_000;
    expect(await clientAt(directory, resource.url, { now: () => later }).post()).toBe('after-1');
    expect(before.requests).toEqual([]);
    expect(pathsOf(resource)).toEqual([`GET ${METADATA}`, 'POST /api', 'POST /api']);
  }
});

it('leads all of 20 calls at once to the server that the resource has moved to', async () => {
  const before = await startIssuer('before');
  const after = await startIssuer('after');
  const resource = await startResource([before.origin]);
  const client = clientAt(temporaryDirectory(), resource.url);
  await client.post();
  resource.issuers = [after.origin];
  resource.accepts = (token) => token.startsWith('after');
  before.requests.length = 0;
  resource.server.requests.length = 0;
  const tokens = await Promise.all(Array.from({ length: 20 }, () => client.post()));
  expect(new Set(tokens)).toEqual(new Set(['after-1']));
  expect(before.requests).toEqual([]);
  expect(pathsOf(resource).filter((each) => each.startsWith('GET'))).toEqual([`GET ${METADATA}`]);
});

it('logs no user out while the metadata of the resource is away', async () => {
  const directory = temporaryDirectory();
  const issuer = await startIssuer('a');
  const resource = await startResource([issuer.origin]);
  await clientAt(directory, resource.url).post();
  for (const away of [{ status: 404 }, { status: 503 }, { drop: 'request' }] as const) {
    resource.away = away;
    const later = Date.now() + 700_000;
    const client = clientAt(directory, resource.url, { now: () => later, timeout: 2000 });
    expect(await client.manager.get({ resource: resource.url }, {})).toMatchObject({ ok: true });
    expect(await client.post()).toBe('a-1');
    expect(client.urls).toEqual([]);
  }
});

it('refreshes the token of a user although the metadata of the resource has been away for an hour', async () => {
  const directory = temporaryDirectory();
  const issuer = await startIssuer('a');
  const resource = await startResource([issuer.origin]);
  await clientAt(directory, resource.url).post();
  resource.away = { status: 503 };
  resource.accepts = (token) => token === 'a-2';
  const later = Date.now() + 3_600_000;
  const client = clientAt(directory, resource.url, { now: () => later });
  expect(await client.post()).toBe('a-2');
  expect(client.urls).toEqual([]);
  expect(issuer.requestsTo('/token').map(({ form }) => form?.get('grant_type'))).toEqual([
    'authorization_code',
    'refresh_token',
  ]);
});

it('logs in for a second resource of the same server with its scopes, and registers no other client', async () => {
  const directory = temporaryDirectory();
  const issuer = await startIssuer('a');
  const [first, second] = await Promise.all([startResource([issuer.origin]), startResource([issuer.origin])]);
  first.scopes = ['mail'];
  second.scopes = ['files'];
  const urls = [first, second].map(async ({ url }) => {
    const client = clientAt(directory, url);
    await client.post();
    return client.urls;
  });
  const asked = (await Promise.all(urls)).flat().map((url) => new URL(url).searchParams.get('scope'));
  expect(new Set(asked)).toEqual(new Set(['files', 'mail']));
  expect(['/register', '/token'].map((path) => issuer.requestsTo(path).length)).toEqual([1, 2]);
  // Neither token is used for the other resource.
  const sent = [first, second].map(({ server }) => server.requestsTo('/api').at(-1)?.headers.authorization);
  expect(new Set(sent).size).toBe(2);
});

it('discovers a resource once for 5 first calls at once', async () => {
  const issuer = await startIssuer('a');
  const resource = await startResource([issuer.origin]);
  const { manager } = clientAt(temporaryDirectory(), resource.url);
  const results = await Promise.all([1, 2, 3, 4, 5].map(() => manager.get({ resource: resource.url }, {})));
  expect(results.every(({ ok }) => ok)).toBe(true);
  expect(pathsOf(resource)).toEqual(['GET /api', `GET ${METADATA}`]);
  expect(issuer.requestsTo('/token')).toHaveLength(1);
});

it('uses a stored token after the resource lists one more scope', async () => {
  const directory = temporaryDirectory();
  const issuer = await startIssuer('a');
  const resource = await startResource([issuer.origin]);
  resource.scopes = ['read'];
  await clientAt(directory, resource.url).post();
  resource.scopes = ['read', 'write'];
  const later = Date.now() + 700_000;
  const client = clientAt(directory, resource.url, { now: () => later });
  expect(await client.manager.get({ resource: resource.url }, {})).toMatchObject({
    ok: true,
    value: { access_token: 'a-1' },
  });
  expect(client.urls).toEqual([]);
});

it('does not read the metadata again with every refused token', async () => {
  const issuer = await startIssuer('a');
  const resource = await startResource([issuer.origin]);
  resource.accepts = () => false;
  const client = clientAt(temporaryDirectory(), resource.url);
  for (let call = 0; call < 5; call += 1) expect(await client.post()).toBe(401);
  expect(pathsOf(resource).filter((each) => each.startsWith('GET'))).toHaveLength(2);
});

it('prefers the server that a session is stored for, of several', async () => {
  const directory = temporaryDirectory();
  const [first, second] = await Promise.all([startIssuer('first'), startIssuer('second')]);
  const resource = await startResource([second.origin]);
  await clientAt(directory, resource.url).post();
  resource.issuers = [first.origin, second.origin];
  const later = Date.now() + 700_000;
  const client = clientAt(directory, resource.url, { now: () => later });
  expect(await client.manager.get({ resource: resource.url }, {})).toMatchObject({
    value: { access_token: 'second-1' },
  });
  expect(first.requests).toEqual([]);
});

it('prefers the server where the program has a client, else one that registers it', async () => {
  const closed = await startIssuer('closed', { registers: false });
  const other = await startIssuer('other');
  const resource = await startResource([closed.origin, other.origin]);
  expect(await clientAt(temporaryDirectory(), resource.url).post()).toBe('other-1');
  expect(closed.requestsTo('/token')).toEqual([]);
  const clients = { [closed.origin]: { client_id: 'by-hand' } };
  const own = clientAt(temporaryDirectory(), resource.url, { clients });
  expect(await own.post()).toBe('closed-1');
  expect(own.urls[0]?.searchParams.get('client_id')).toBe('by-hand');
});

it('passes over a server that is down, and one without metadata', async () => {
  const other = await startIssuer('other');
  const { server: silent } = await startScripted();
  const resource = await startResource(['http://127.0.0.1:1', silent.origin, other.origin]);
  // It knows of no sessions.
  const cache = storeWithoutKeys();
  expect(await clientAt(temporaryDirectory(), resource.url, { cache }).post()).toBe('other-1');
  expect(silent.requestsTo('/token')).toEqual([]);
});

it('passes over a server that lists no PKCE method but plain: no login is possible there', async () => {
  const [weak, other] = await Promise.all([startIssuer('weak'), startIssuer('other')]);
  weak.script({
    '/.well-known/oauth-authorization-server': {
      json: {
        issuer: weak.origin,
        authorization_endpoint: `${weak.origin}/authorize`,
        token_endpoint: `${weak.origin}/token`,
        registration_endpoint: `${weak.origin}/register`,
        code_challenge_methods_supported: ['plain'],
      },
    },
  });
  const resource = await startResource([weak.origin, other.origin]);
  expect(await clientAt(temporaryDirectory(), resource.url).post()).toBe('other-1');
});

it('finds the client of an issuer that the program names by the address of its metadata', async () => {
  const issuer = await startIssuer('a');
  const resource = await startResource([issuer.origin]);
  const clients = { [`${issuer.origin}/.well-known/oauth-authorization-server`]: { client_id: 'by-hand' } };
  const client = clientAt(temporaryDirectory(), resource.url, { clients });
  await client.post();
  expect(client.urls[0]?.searchParams.get('client_id')).toBe('by-hand');
  expect(issuer.requestsTo('/register')).toEqual([]);
});

it.each<[string, unknown]>([
  ['an empty text', ''],
  ['a number', 5],
  ['null', null],
])('rejects %s as the issuer beside a resource with a TypeError', async (_, issuer) => {
  const { manager } = clientAt(temporaryDirectory(), 'http://127.0.0.1:1/api');
  const target = { resource: 'http://127.0.0.1:1/api', issuer: issuer as string };
  await expect(manager.get(target, {})).rejects.toThrow(/issuer of the target must be a URL.*environment/);
});

it('prefers a server that supports the client metadata document of the program', async () => {
  const supporting = await startIssuer('supporting', { registers: false, documents: true });
  const other = await startIssuer('other');
  const resource = await startResource([supporting.origin, other.origin]);
  const clientMetadata = { url: 'https://tool.example/client.json' };
  expect(await clientAt(temporaryDirectory(), resource.url, { clientMetadata }).post()).toBe('supporting-1');
});

it('says how to get a client where none of the servers has one or registers one', async () => {
  const [first, second] = await Promise.all(
    ['first', 'second'].map(async (name) => startIssuer(name, { registers: false })),
  );
  const resource = await startResource([first?.origin ?? '', second?.origin ?? '']);
  const { manager } = clientAt(temporaryDirectory(), resource.url);
  const result = await manager.get({ resource: resource.url }, {});
  expect(result).toMatchObject({ ok: false, error: { code: 'client_required' } });
  expect(result.ok ? '' : result.error.message).toContain(first?.origin);
});

it('sends the secret of a client to its issuer only', async () => {
  const home = await startIssuer('home');
  const hostile = await startIssuer('hostile');
  const resource = await startResource([hostile.origin]);
  const clients = { [home.origin]: { client_id: 'by-hand', client_secret: 'S3CRET' } };
  const directory = temporaryDirectory();
  expect(await clientAt(directory, resource.url, { clients }).post()).toBe('hostile-1');
  expect(JSON.stringify(hostile.requests)).not.toContain('S3CRET');
  expect(JSON.stringify(hostile.requests)).not.toContain('by-hand');
  resource.issuers = [home.origin];
  resource.accepts = (token) => token.startsWith('home');
  expect(await clientAt(directory, resource.url, { clients }).post()).toBe('home-1');
  const basic = home.requestsTo('/token')[0]?.headers.authorization?.replace('Basic ', '') ?? '';
  expect(Buffer.from(basic, 'base64').toString()).toBe('by-hand:S3CRET');
});

it('uses the issuer of the caller although the resource does not name it, with an event', async () => {
  const [named, wanted] = await Promise.all([startIssuer('named'), startIssuer('wanted')]);
  const resource = await startResource([named.origin]);
  const { manager, events } = clientAt(temporaryDirectory(), resource.url);
  const token = await manager.getToken({ resource: resource.url, issuer: wanted.origin }, {});
  expect(token.access_token).toBe('wanted-1');
  expect(events).toContainEqual({ type: 'issuer_not_named', issuer: wanted.origin, resource: resource.url });
  expect(typesOf(events).filter((type) => type === 'issuer_not_named')).toHaveLength(1);
  expect(named.requests).toEqual([]);
});

it('makes one login for two step-ups at once (RFC 6750 section 3.1)', async () => {
  const issuer = await startIssuer('a');
  const resource = await startResource([issuer.origin]);
  const client = clientAt(temporaryDirectory(), resource.url);
  await client.post();
  const source = client.manager.source({ resource: resource.url }, {});
  const tokens = await Promise.all([1, 2].map(() => source({ scope: 'more' })));
  expect(new Set(tokens.map(({ access_token }) => access_token)).size).toBe(1);
  expect(client.urls).toHaveLength(2);
});

it.each<[string, object, RegExp]>([
  [
    'no issuer',
    { 'my server': { client_id: 'c' }, 'https://as.example': { client_id: 'c' } },
    /my server is no issuer/,
  ],
  ['no client_id', { 'https://as.example': {} }, /client_id must be a non-empty string/],
  [
    'an empty secret',
    { 'https://as.example': { client_id: 'c', client_secret: '' } },
    /client_secret is empty.*environment/,
  ],
  ['neither issuers nor methods', {}, /must be a store/],
  ['a host in place of an issuer', { 'localhost:3000': { client_id: 'c' } }, /localhost:3000 is no issuer/],
  ['a query in an issuer', { 'https://as.example/?tenant=1': { client_id: 'c' } }, /is no issuer/],
  [
    'a secret that is no text',
    { 'https://as.example': { client_id: 'c', client_secret: 5 } },
    /client_secret must be a string/,
  ],
  [
    'redirect URIs that no login can use',
    { 'https://as.example': { client_id: 'c', redirect_uris: ['https://app.example/callback'] } },
    /clients\["https:\/\/as.example"\].redirect_uris has "https:\/\/app.example\/callback"/,
  ],
])('rejects clients with %s with a TypeError', (_, clients, message) => {
  expect(() => managerAt(temporaryDirectory(), { clients: clients as never })).toThrow(message);
});
