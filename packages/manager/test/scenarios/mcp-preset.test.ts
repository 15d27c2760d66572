// The preset for clients of MCP servers, at scripted servers of the protocols 2025-03-26 and later.
import { createFetch } from '@oa/fetch';
import type { ManagerOptions } from '@oa/manager';
import type { RecordedRequest, Reply, ScriptedServer } from '@oa-internal/scripted-server';
import { expect, it } from 'vitest';
import { agreeingBrowser, bearer, managerAt, startScripted, temporaryDirectory } from '../setup.ts';

const RESOURCE_METADATA = '/.well-known/oauth-protected-resource';
const SERVER_METADATA = '/.well-known/oauth-authorization-server';

interface McpServer {
  server: ScriptedServer;
  url: string;
  /** What it publishes, by path. */
  published: Record<string, Reply>;
  /** The members of its 401. */
  challenge: string;
}

/** An MCP server that is its own authorization server, with the endpoints of the protocol 2025-03-26. It publishes nothing at first. */
async function startMcp(path = '/mcp'): Promise<McpServer> {
  const { server } = await startScripted();
  const mcp: McpServer = { server, url: `${server.origin}${path}`, published: {}, challenge: '' };
  const answer = ({ headers }: RecordedRequest): Reply =>
    headers.authorization === undefined
      ? { status: 401, headers: { 'www-authenticate': `Bearer ${mcp.challenge}` } }
      : { json: { token: headers.authorization.replace('Bearer ', '') } };
  const registered = ({ body }: RecordedRequest): Reply => ({
    status: 201,
    json: { ...(JSON.parse(body) as object), client_id: 'registered' },
  });
  const publish = (address: string) => (): Reply => mcp.published[address] ?? { status: 404 };
  const metadata = [`${RESOURCE_METADATA}/mcp`, RESOURCE_METADATA, SERVER_METADATA];
  server.script({
    [path]: answer,
    '/register': registered,
    '/token': bearer('a', { refresh_token: 'r' }),
    ...Object.fromEntries(metadata.map((address) => [address, publish(address)])),
  });
  return mcp;
}

function endpointsAt({ server: { origin } }: McpServer): object {
  return {
    issuer: origin,
    authorization_endpoint: `${origin}/oauth/authorize`,
    token_endpoint: `${origin}/token`,
    registration_endpoint: `${origin}/register`,
    code_challenge_methods_supported: ['S256'],
  };
}

/** A client of the server, as a new process would create it. */
function clientAt(directory: string, { url }: McpServer, options: ManagerOptions = {}) {
  const { openBrowser, urls } = agreeingBrowser();
  const { manager, events } = managerAt(directory, { preset: 'mcp', login: { openBrowser }, ...options });
  const call = createFetch(manager.source({ resource: url }, {}), { first: 'stored' });
  const post = async (): Promise<unknown> => {
    const response = await call(url, { method: 'POST', body: 'x' });
    return response.ok ? ((await response.json()) as { token: string }).token : response.status;
  };
  return { manager, events, post, urls };
}

const pathsOf = ({ server }: McpServer): string[] => server.requests.splice(0).map(({ path }) => path);

it('takes the origin of a server without metadata for its issuer, and guesses the endpoints of the protocol 2025-03-26', async () => {
  const mcp = await startMcp();
  mcp.challenge = 'scope="read"';
  const directory = temporaryDirectory();
  const client = clientAt(directory, mcp);
  expect(await client.post()).toBe('a');
  expect(pathsOf(mcp)).toEqual([
    '/mcp',
    `${RESOURCE_METADATA}/mcp`,
    RESOURCE_METADATA,
    SERVER_METADATA,
    '/.well-known/openid-configuration',
    '/register',
    '/token',
    '/mcp',
  ]);
  const [asked] = client.urls;
  expect(asked?.pathname).toBe('/authorize');
  expect(asked?.searchParams.get('resource')).toBe(mcp.url);
  expect(asked?.searchParams.get('scope')).toBe('read');
  expect(await clientAt(directory, mcp).post()).toBe('a');
  expect(pathsOf(mcp)).toEqual(['/mcp']);
  expect(await clientAt(directory, mcp).manager.logoutAll()).toEqual({ ok: true, value: 1 });
});

it('uses the endpoints that the origin publishes as an authorization server', async () => {
  const mcp = await startMcp();
  mcp.published[SERVER_METADATA] = { json: endpointsAt(mcp) };
  const client = clientAt(temporaryDirectory(), mcp);
  expect(await client.post()).toBe('a');
  expect(client.urls[0]?.pathname).toBe('/oauth/authorize');
});

it('requires PKCE where the origin publishes metadata', async () => {
  const mcp = await startMcp();
  mcp.published[SERVER_METADATA] = { json: { ...endpointsAt(mcp), code_challenge_methods_supported: undefined } };
  const client = clientAt(temporaryDirectory(), mcp);
  const result = await client.manager.get({ resource: mcp.url }, {});
  expect(result).toMatchObject({ ok: false, error: { code: 'pkce_unsupported' } });
  expect(client.urls).toEqual([]);
});

it('names the server without the slash, query and fragment of its URL (RFC 8707 section 2)', async () => {
  for (const [path, canonical] of [
    ['/', ''],
    ['/mcp', '/mcp'],
  ] as const) {
    const mcp = await startMcp(path);
    const client = clientAt(temporaryDirectory(), mcp);
    const { origin } = mcp.server;
    const token = await client.manager.getToken({ resource: `${origin.toUpperCase()}${path}?key=K3Y#x` }, {});
    expect(token.access_token).toBe('a');
    expect(client.urls[0]?.searchParams.get('resource')).toBe(`${origin}${canonical}`);
    expect(client.urls[0]?.href).not.toContain('K3Y');
  }
});

it('guesses no endpoints of a server that the metadata of a resource names', async () => {
  const mcp = await startMcp();
  const silent = await startMcp();
  mcp.published[`${RESOURCE_METADATA}/mcp`] = {
    json: { resource: mcp.url, authorization_servers: [silent.server.origin] },
  };
  const client = clientAt(temporaryDirectory(), mcp);
  const result = await client.manager.get({ resource: mcp.url }, {});
  expect(result).toMatchObject({ ok: false, error: { code: 'metadata_not_found' } });
  expect(pathsOf(silent)).toEqual([SERVER_METADATA, '/.well-known/openid-configuration']);
  expect(client.urls).toEqual([]);
});

it('takes no origin for an issuer where the challenge names metadata, or where metadata was read once', async () => {
  const named = await startMcp();
  named.challenge = `resource_metadata="${named.server.origin}/hidden"`;
  const first = clientAt(temporaryDirectory(), named);
  await expect(first.post()).resolves.toBe(401);
  expect(pathsOf(named)).not.toContain(SERVER_METADATA);

  const mcp = await startMcp();
  const issuer = await startMcp();
  issuer.published[SERVER_METADATA] = { json: endpointsAt(issuer) };
  const metadata = { json: { resource: mcp.url, authorization_servers: [issuer.server.origin] } };
  mcp.published[`${RESOURCE_METADATA}/mcp`] = metadata;
  const directory = temporaryDirectory();
  expect(await clientAt(directory, mcp).post()).toBe('a');
  mcp.published = {};
  pathsOf(mcp);
  const later = Date.now() + 700_000;
  const second = clientAt(directory, mcp, { now: () => later });
  expect(await second.manager.get({ resource: mcp.url }, {})).toMatchObject({ ok: true });
  expect(pathsOf(mcp)).not.toContain(SERVER_METADATA);
  expect(second.urls).toEqual([]);
});

it('logs in at the server that the resource names since it publishes metadata', async () => {
  const mcp = await startMcp();
  const issuer = await startMcp();
  issuer.published[SERVER_METADATA] = { json: endpointsAt(issuer) };
  const directory = temporaryDirectory();
  expect(await clientAt(directory, mcp).post()).toBe('a');
  mcp.published[`${RESOURCE_METADATA}/mcp`] = {
    json: { resource: mcp.url, authorization_servers: [issuer.server.origin] },
  };
  const later = Date.now() + 700_000;
  const client = clientAt(directory, mcp, { now: () => later });
  expect(await client.manager.get({ resource: mcp.url }, {})).toMatchObject({ ok: true });
  expect(client.urls[0]?.origin).toBe(issuer.server.origin);
});

it('ends a guess with the first challenge that names metadata', async () => {
  const mcp = await startMcp();
  const directory = temporaryDirectory();
  expect(await clientAt(directory, mcp).post()).toBe('a');
  const { manager } = clientAt(directory, mcp);
  const challenge = `Bearer resource_metadata="${mcp.server.origin}/hidden"`;
  await expect(manager.source({ resource: mcp.url }, {})({ challenge })).rejects.toMatchObject({
    code: 'metadata_not_found',
  });
});

it('believes a guess only as long as its preset is set', async () => {
  const mcp = await startMcp();
  const directory = temporaryDirectory();
  expect(await clientAt(directory, mcp).post()).toBe('a');
  const { manager } = clientAt(directory, mcp, { preset: undefined });
  const result = await manager.get({ resource: mcp.url }, {});
  expect(result).toMatchObject({ ok: false, error: { code: 'metadata_not_found' } });
});

it.each<[string, NonNullable<ManagerOptions['discovery']>, string]>([
  ['no fallback', { fallback: 'none' }, 'metadata_not_found'],
  ['the fallback of other clients', { fallback: 'conventional' }, 'metadata_not_found'],
])('lets the caller choose %s', async (_, discovery, code) => {
  const mcp = await startMcp();
  const { manager } = clientAt(temporaryDirectory(), mcp, { discovery });
  expect(await manager.get({ resource: mcp.url }, {})).toMatchObject({ ok: false, error: { code } });
});

it('lets the caller accept servers that list no PKCE methods', async () => {
  const mcp = await startMcp();
  mcp.published[SERVER_METADATA] = { json: { ...endpointsAt(mcp), code_challenge_methods_supported: undefined } };
  const client = clientAt(temporaryDirectory(), mcp, { discovery: { requirePkce: false } });
  expect(await client.post()).toBe('a');
});
