// The preset for clients of MCP servers, at servers of many kinds. Every request is counted.
import { createFetch } from '@oa/fetch';
import type { RecordedRequest, Reply, Script } from '@oa-internal/scripted-server';
import { expect, it } from 'vitest';
import { agreeingBrowser, bearer, managerAt, startScripted, temporaryDirectory } from '../setup.ts';

const RESOURCE = '/.well-known/oauth-protected-resource';
const RFC8414 = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';

/** The origins of the two servers. */
interface Origins {
  mcp: string;
  as: string;
}

/** What the servers answer, by name and path, and the `WWW-Authenticate` headers of the MCP server. */
type Kind = (origins: Origins) => { challenge?: string | string[]; [address: `${'mcp' | 'as'} /${string}`]: Reply };

function metadataOf(issuer: string, more: object = {}): Reply {
  const names = ['authorization', 'token', 'registration'];
  const endpoints = Object.fromEntries(names.map((name) => [`${name}_endpoint`, `${issuer}/${name}`]));
  return { json: { issuer, code_challenge_methods_supported: ['S256'], ...endpoints, ...more } };
}

function resourceOf({ mcp, as }: Origins, issuer = as): Reply {
  return { json: { resource: `${mcp}/mcp`, authorization_servers: [issuer] } };
}

/** The answers of the endpoints of an authorization server. Every token is another one. */
function endpointAnswer({ method, path, body }: RecordedRequest, index: number): Reply | undefined {
  if (method !== 'POST') return undefined;
  if (path.endsWith('/token')) return bearer(`a${index}`, { refresh_token: 'r' });
  return { status: 201, json: { ...(JSON.parse(body) as object), client_id: 'c' } };
}

/** Starts the servers, and a new client that has seen none of them. `mcp` answers the requests to the MCP server itself. */
async function start(kind: Kind, answer?: Script) {
  const servers = { mcp: await startScripted(), as: await startScripted() };
  const origins = { mcp: servers.mcp.server.origin, as: servers.as.server.origin };
  const { challenge, ...published } = { ...kind(origins) };
  const answers = new Map(Object.entries(published));
  const headers: Record<string, string | string[]> = challenge === undefined ? {} : { 'www-authenticate': challenge };
  const fromMcp: Script = (request) => (request.headers.authorization === undefined ? { status: 401, headers } : {});
  const requests: string[] = [];
  for (const name of ['mcp', 'as'] as const)
    servers[name].server.script((request, index) => {
      requests.push(`${name} ${request.path}`);
      if (request.path === '/mcp') return (answer ?? fromMcp)(request, index);
      return answers.get(`${name} ${request.path}`) ?? endpointAnswer(request, index);
    });
  const { openBrowser, urls } = agreeingBrowser();
  const { manager, events } = managerAt(temporaryDirectory(), { preset: 'mcp', login: { openBrowser } });
  const url = `${origins.mcp}/mcp`;
  const onEvent = events.push.bind(events);
  const fetch = createFetch(manager.source({ resource: url }, {}), { first: 'stored', onEvent });
  const post = async (): Promise<number> => (await fetch(url, { method: 'POST', body: 'x' })).status;
  return { post, requests, urls, events };
}

const AT_ORIGIN = [`mcp ${RESOURCE}/mcp`, `mcp ${RESOURCE}`];

it.each<[string, Kind, string[], string]>([
  ['old server without metadata', () => ({}), [...AT_ORIGIN, `mcp ${RFC8414}`, `mcp ${OPENID}`], 'mcp /register'],
  [
    'old server with metadata of its origin',
    ({ mcp }) => ({ [`mcp ${RFC8414}`]: metadataOf(mcp) }),
    [...AT_ORIGIN, `mcp ${RFC8414}`],
    'mcp /registration',
  ],
  [
    'server without WWW-Authenticate',
    (origins) => ({ [`mcp ${RESOURCE}/mcp`]: resourceOf(origins), [`as ${RFC8414}`]: metadataOf(origins.as) }),
    [`mcp ${RESOURCE}/mcp`, `as ${RFC8414}`],
    'as /registration',
  ],
  [
    'server with metadata at its origin only',
    (origins) => ({ [`mcp ${RESOURCE}`]: resourceOf(origins), [`as ${RFC8414}`]: metadataOf(origins.as) }),
    [...AT_ORIGIN, `as ${RFC8414}`],
    'as /registration',
  ],
  [
    'server with two challenges',
    (origins) => ({
      challenge: ['Basic realm="scope=no, x"', `Bearer resource_metadata="${origins.mcp}/m"`],
      'mcp /m': resourceOf(origins),
      [`as ${RFC8414}`]: metadataOf(origins.as),
    }),
    ['mcp /m', `as ${RFC8414}`],
    'as /registration',
  ],
  [
    'server whose challenge names a relative URL',
    (origins) => ({
      challenge: 'Bearer resource_metadata="/m"',
      'mcp /m': resourceOf(origins),
      [`mcp ${RESOURCE}/mcp`]: resourceOf(origins),
      [`as ${RFC8414}`]: metadataOf(origins.as),
    }),
    [`mcp ${RESOURCE}/mcp`, `as ${RFC8414}`],
    'as /registration',
  ],
  [
    'issuer with a path, and the last of its three addresses',
    (origins) => ({
      [`mcp ${RESOURCE}/mcp`]: resourceOf(origins, `${origins.as}/t`),
      [`as /t${OPENID}`]: metadataOf(`${origins.as}/t`),
    }),
    [`mcp ${RESOURCE}/mcp`, `as ${RFC8414}/t`, `as ${OPENID}/t`, `as /t${OPENID}`],
    'as /t/registration',
  ],
])(
  'logs in at this server: %s, with no request but those of the specification',
  async (_, kind, found, registration) => {
    const { post, requests, urls } = await start(kind);
    expect(await post()).toBe(200);
    const token = registration.replace(/regist\w+$/, 'token');
    expect(requests).toEqual(['mcp /mcp', ...found, registration, token, 'mcp /mcp']);
    // No scope is asked for where neither the challenge nor the metadata names one.
    expect(urls.map(({ searchParams }) => searchParams.get('scope'))).toEqual([null]);
  },
);

it.each<[string, (origins: Origins) => Reply, string, string[]]>([
  ['an http endpoint', ({ as }) => metadataOf(as, { token_endpoint: 'http://192.0.2.1/t' }), 'insecure_url', [OPENID]],
  ['a relative endpoint', ({ as }) => metadataOf(as, { token_endpoint: '/token' }), 'invalid_response', [OPENID]],
  ['another issuer', ({ as }) => metadataOf(`${as}/other`), 'issuer_mismatch', [OPENID]],
  ['no registration', ({ as }) => metadataOf(as, { registration_endpoint: undefined }), 'client_required', []],
  ['plain PKCE', ({ as }) => metadataOf(as, { code_challenge_methods_supported: ['plain'] }), 'pkce_unsupported', []],
  ['no PKCE', ({ as }) => metadataOf(as, { code_challenge_methods_supported: undefined }), 'pkce_unsupported', []],
])('registers no client and opens no browser for a server whose metadata has %s', async (_, metadata, code, more) => {
  const { post, requests, urls, events } = await start((origins) => ({
    [`mcp ${RESOURCE}/mcp`]: resourceOf(origins),
    [`as ${RFC8414}`]: metadata(origins),
  }));
  expect(await post()).toBe(401);
  expect(events).toContainEqual(expect.objectContaining({ type: 'not_renewed', code }));
  expect(requests).toEqual(['mcp /mcp', `mcp ${RESOURCE}/mcp`, ...[RFC8414, ...more].map((path) => `as ${path}`)]);
  expect(urls).toEqual([]);
});

it('requires PKCE in the metadata of OpenID Connect too', async () => {
  const { post, urls, events } = await start((origins) => ({
    [`mcp ${RESOURCE}/mcp`]: resourceOf(origins),
    [`as ${OPENID}`]: metadataOf(origins.as, { code_challenge_methods_supported: undefined }),
  }));
  expect(await post()).toBe(401);
  expect(events).toContainEqual(expect.objectContaining({ type: 'not_renewed', code: 'pkce_unsupported' }));
  expect(urls).toEqual([]);
});

it('asks for the scopes that it has and those of insufficient_scope, once, and returns the second refusal', async () => {
  const needs = (members: string): Record<string, string> => ({ 'www-authenticate': `Bearer ${members}` });
  const { post, requests, urls } = await start(
    (origins) => ({ [`mcp ${RESOURCE}/mcp`]: resourceOf(origins), [`as ${RFC8414}`]: metadataOf(origins.as) }),
    ({ headers }, index) => {
      if (headers.authorization === undefined) return { status: 401, headers: needs('scope="read"') };
      if (index < 3) return {};
      return { status: 403, headers: needs('error="insufficient_scope", scope="write"') };
    },
  );
  expect(await post()).toBe(200);
  requests.length = 0;
  expect(await post()).toBe(403);
  expect(requests).toEqual(['mcp /mcp', 'as /token', 'mcp /mcp']);
  expect(await post()).toBe(403);
  expect(urls.map(({ searchParams }) => searchParams.get('scope'))).toEqual(['read', 'read write']);
});
