// What a resource requires, as the refusal of the real request says it.
import type { Reply } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { discoverRequirements, storedRequirements, type ResourceRequirements } from '@oa/discovery';
import { expect, it } from 'vitest';
import { createClock, pathsOf, recordEvents, RESOURCE, startServer } from '../servers.ts';

const ISSUER = 'https://as.example';
const OTHER = 'https://other.example';

async function startApi(replies: (origin: string) => Record<string, Reply>) {
  return startServer((origin) => ({
    [`${RESOURCE}/api`]: {
      json: { resource: `${origin}/api`, authorization_servers: [ISSUER], scopes_supported: ['all'] },
    },
    '/meta': { json: { resource: `${origin}/api`, authorization_servers: [OTHER] } },
    ...replies(origin),
  }));
}

it('does not request the resource where a challenge is given, and reads the metadata that it names', async () => {
  await using api = await startApi(() => ({ '/api': { status: 405 } }));
  const challenge = `Bearer resource_metadata="${api.origin}/meta", scope="one two"`;
  const found = await discoverRequirements(`${api.origin}/api`, { challenge });
  expect(found).toMatchObject({ authorization_servers: [OTHER], scope: 'one two' });
  expect(pathsOf(api)).toEqual(['/meta']);
});

it('looks where RFC 9728 section 3.1 puts the metadata where the challenge does not name it', async () => {
  await using api = await startApi(() => ({}));
  const found = await discoverRequirements(`${api.origin}/api`, { challenge: 'Bearer realm="x"' });
  expect(found).toMatchObject({ authorization_servers: [ISSUER], scope: 'all' });
  expect(pathsOf(api)).toEqual([`${RESOURCE}/api`]);
});

it('reads only the headers of a resource that answers a GET with an endless stream', async () => {
  let streamed = 0;
  async function* events(): AsyncGenerator<Uint8Array> {
    for (;;) {
      streamed += 1;
      yield Buffer.from('data: x\n\n');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  await using api = await startApi(() => ({
    '/api': { headers: { 'content-type': 'text/event-stream' }, body: events() },
  }));
  const found = await discoverRequirements(`${api.origin}/api`);
  expect(found).toMatchObject({ authorization_servers: [ISSUER] });
  const before = streamed;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(streamed - before).toBeLessThan(3);
});

it('reads the metadata again for a challenge that says something new, and not for one that says the same', async () => {
  await using api = await startApi(() => ({}));
  const cache = new Map<string, ResourceRequirements>();
  const url = `${api.origin}/api`;
  const ask = (challenge?: string) => discoverRequirements(url, { cache, challenge });
  await ask('Bearer scope="one"');
  expect(await ask('Bearer scope="one"')).toMatchObject({ authorization_servers: [ISSUER] });
  expect(await ask()).toMatchObject({ scope: 'one' });
  expect(await ask('Bearer error="invalid_token"')).toMatchObject({ scope: 'one' });
  expect(api.requests).toHaveLength(1);
  expect(await ask(`Bearer resource_metadata="${api.origin}/meta"`)).toMatchObject({
    authorization_servers: [OTHER],
    scope: 'one',
  });
  expect(await ask()).toMatchObject({ authorization_servers: [OTHER] });
  expect(pathsOf(api)).toEqual([`${RESOURCE}/api`, '/meta']);
});

it('does not take the scopes of one request for those of all (RFC 6750 section 3.1)', async () => {
  await using api = await startApi(() => ({}));
  const challenge = 'Bearer error="insufficient_scope", scope="admin"';
  expect(await discoverRequirements(`${api.origin}/api`, { challenge })).toMatchObject({ scope: 'all' });
});

it('finds the authorization server that a resource has moved to (SEP-2352)', async () => {
  let issuer = ISSUER;
  await using api = await startServer((origin) => ({
    [`${RESOURCE}/api`]: () => ({ json: { resource: `${origin}/api`, authorization_servers: [issuer] } }),
  }));
  const cache = new Map<string, ResourceRequirements>();
  const url = `${api.origin}/api`;
  await discoverRequirements(url, { cache, challenge: 'Bearer' });
  issuer = OTHER;
  expect(await discoverRequirements(url, { cache, challenge: 'Bearer' })).toMatchObject({
    authorization_servers: [ISSUER],
  });
  const fresh = await discoverRequirements(url, { cache, challenge: 'Bearer', fresh: true });
  expect(fresh).toMatchObject({ authorization_servers: [OTHER] });
  expect(await storedRequirements(url, { cache })).toEqual(fresh);
});

it('shares one search between calls at the same time', async () => {
  await using api = await startApi(() => ({ '/api': { status: 401, headers: { 'www-authenticate': 'Bearer' } } }));
  const cache = new Map<string, ResourceRequirements>();
  const calls = [1, 2, 3, 4, 5].map(() => discoverRequirements(`${api.origin}/api`, { cache }));
  expect(new Set(await Promise.all(calls)).size).toBe(1);
  expect(api.requests).toHaveLength(2);
});

it.each<[string, Reply]>([
  ['404', { status: 404 }],
  ['404 with an error in JSON', { status: 404, json: { error: 'not_found' } }],
  ['503', { status: 503 }],
  ['no answer', { drop: 'request' }],
  ['a page about maintenance', { body: '<html>Back soon</html>', headers: { 'content-type': 'text/html' } }],
  ['half a document', { body: '{"resource": "htt', headers: { 'content-type': 'application/json' } }],
  ['a redirect to a login page', { status: 302, headers: { location: '/login' } }],
  ['a redirect to another host', { status: 302, headers: { location: 'https://status.example/' } }],
  ['a redirect to plain http', { status: 302, headers: { location: 'http://status.example/' } }],
  ['an error object', { json: { error: 'maintenance' } }],
  ['a text', { json: 'maintenance' }],
  ['a list', { json: [] }],
  ['an object of another kind', { json: { status: 'maintenance' } }],
  ['a resource that is no text', { json: { resource: 1, authorization_servers: [ISSUER] } }],
  ['more than 1 MiB', { json: { resource: 'x'.repeat(1_048_577) } }],
  ['nothing', { headers: { 'content-type': 'application/json' }, body: '' }],
  ['204', { status: 204 }],
  ['a body that is cut off', { json: { resource: 'x' }, drop: 'body' }],
  ['no answer until the timeout', { drop: 'never' }],
])('uses the last requirements, however old, while the metadata is away: %s', async (_name, away) => {
  let isAway = false;
  await using api = await startServer((origin) => ({
    [`${RESOURCE}/api`]: () =>
      isAway ? away : { json: { resource: `${origin}/api`, authorization_servers: [ISSUER] } },
    [RESOURCE]: () => (isAway ? away : { status: 404 }),
  }));
  const cache = new Map<string, ResourceRequirements>();
  const { now, pass } = createClock();
  const { events, onEvent } = recordEvents();
  const url = `${api.origin}/api`;
  const ask = (fresh = false) =>
    discoverRequirements(url, { cache, now, onEvent, challenge: 'Bearer', fresh, timeout: 2000 });
  await ask();
  isAway = true;
  pass(30 * 86_400);
  expect(await ask()).toMatchObject({ authorization_servers: [ISSUER] });
  expect(events.filter(({ type }) => type === 'stale_metadata')).toMatchObject([{ issuer: ISSUER }]);
  const count = api.requests.length;
  pass(30);
  await ask();
  expect(api.requests).toHaveLength(count);
  expect(await ask(true)).toMatchObject({ authorization_servers: [ISSUER] });
  isAway = false;
  pass(60);
  expect(await ask()).toMatchObject({ authorization_servers: [ISSUER] });
  expect(events.filter(({ type }) => type === 'stale_metadata')).toHaveLength(2);
});

it('uses the scopes of a challenge while the metadata is away, and asks for it once a minute for one challenge', async () => {
  let isAway = false;
  await using api = await startServer((origin) => ({
    [`${RESOURCE}/api`]: () =>
      isAway ? { status: 500 } : { json: { resource: `${origin}/api`, authorization_servers: [ISSUER] } },
  }));
  const cache = new Map<string, ResourceRequirements>();
  const url = `${api.origin}/api`;
  await discoverRequirements(url, { cache, challenge: 'Bearer' });
  isAway = true;
  const ask = () => discoverRequirements(url, { cache, challenge: 'Bearer scope="write"' });
  expect(await ask()).toMatchObject({ authorization_servers: [ISSUER], scope: 'write' });
  const count = api.requests.length;
  expect(await ask()).toMatchObject({ scope: 'write' });
  expect(api.requests).toHaveLength(count);
});

it('does not use the last requirements where the metadata is there, and is for another resource', async () => {
  let resource = '/api';
  await using api = await startServer((origin) => ({
    [`${RESOURCE}/api`]: () => ({ json: { resource: `${origin}${resource}`, authorization_servers: [ISSUER] } }),
  }));
  const cache = new Map<string, ResourceRequirements>();
  const url = `${api.origin}/api`;
  await discoverRequirements(url, { cache, challenge: 'Bearer' });
  resource = '/other';
  const error = await rejectionOf(discoverRequirements(url, { cache, challenge: 'Bearer', fresh: true }));
  expect(error).toMatchObject({ code: 'resource_mismatch' });
});

it('returns stored requirements without a request, and nothing where there are none', async () => {
  await using api = await startApi(() => ({}));
  const cache = new Map<string, ResourceRequirements>();
  const { now, pass } = createClock();
  const url = `${api.origin}/api`;
  expect(await storedRequirements(url, { cache })).toBeUndefined();
  const found = await discoverRequirements(url, { cache, now, challenge: 'Bearer' });
  pass(86_400);
  expect(await storedRequirements(url, { cache })).toEqual(found);
  expect(api.requests).toHaveLength(1);
});
