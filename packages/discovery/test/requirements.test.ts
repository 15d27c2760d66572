import type { Reply, ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import type { OAuthErrorCode } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { discoverRequirements, type RequiredByChallenge, type ResourceRequirements } from '@oa/discovery';
import { createClock, pathsOf, recordEvents, RESOURCE, START_SECONDS, startServer } from './servers.ts';

const ISSUER = 'https://as.example';

/** An API at `/api`: its answer to a request without a token, and the members of its metadata. */
async function startApi(reply: Reply, more: Record<string, unknown> = {}): Promise<ScriptedServer> {
  return startServer((origin) => ({
    '/api': reply,
    [`${RESOURCE}/api`]: { json: { resource: `${origin}/api`, authorization_servers: [ISSUER], ...more } },
  }));
}

const unauthorized = (challenge: string): Reply => ({ status: 401, headers: { 'www-authenticate': challenge } });

describe('the result', () => {
  it.each<[string, Reply, unknown, string | undefined, RequiredByChallenge?]>([
    [
      'the scopes of the challenge',
      unauthorized('DPoP algs="ES256", Bearer scope="one two"'),
      ['x', 'y'],
      'one two',
      { scope: 'one two' },
    ],
    ['the scopes of the metadata, if the challenge has none', unauthorized('Bearer'), ['x', 'y'], 'x y'],
    ['the scopes of the metadata, if there is no challenge', { status: 404 }, ['x', 'y'], 'x y'],
    [
      'the scopes of the metadata, if the status is not 401',
      { status: 403, headers: { 'www-authenticate': 'Bearer scope="a"' } },
      ['x'],
      'x',
    ],
    ['the scopes of the metadata, if the resource does not answer', { drop: 'request' }, ['x'], 'x'],
    ['no scope, if there are none', unauthorized('Bearer'), undefined, undefined],
    ['the scopes of the metadata, if that of the challenge is empty', unauthorized('Bearer scope=""'), ['x'], 'x'],
  ])('returns %s (RFC 9728 section 5)', async (_name, reply, scopes_supported, scope, said) => {
    await using api = await startApi(reply, { scopes_supported });
    const { now } = createClock();
    expect(await discoverRequirements(`${api.origin}/api`, { now })).toStrictEqual({
      authorization_servers: [ISSUER],
      resource: `${api.origin}/api`,
      ...(scope !== undefined && { scope }),
      ...(said !== undefined && { challenge: said }),
      expires_at: START_SECONDS + 600,
    });
  });

  it.each<[string, Record<string, unknown>, string | undefined]>([
    ['without a list of authorization servers', { authorization_servers: undefined, scopes_supported: ['x'] }, 'x'],
    ['with an empty list of authorization servers', { authorization_servers: [] }, undefined],
  ])(
    "takes the origin of a resource %s for its authorization server, with fallback: 'origin'",
    async (_, more, scope) => {
      await using api = await startApi(unauthorized('Bearer'), more);
      const url = `${api.origin}/api`;
      const cache = new Map<string, ResourceRequirements>();
      expect(await discoverRequirements(url, { cache, fallback: 'origin' })).toStrictEqual({
        authorization_servers: [api.origin],
        resource: url,
        ...(scope !== undefined && { scope }),
        guessed: true,
        expires_at: expect.any(Number),
      });
      const error = await rejectionOf(discoverRequirements(url, { cache }));
      expect(error).toMatchObject({ code: 'metadata_not_found' });
    },
  );

  it('reads the metadata at the URL in the challenge (RFC 9728 section 5.1)', async () => {
    await using api = await startServer((origin) => ({
      '/api': unauthorized(`Bearer resource_metadata="${origin}/meta"`),
      '/meta': { json: { resource: `${origin}/api`, authorization_servers: [ISSUER, 'https://other.example'] } },
    }));
    const found = await discoverRequirements(`${api.origin}/api`);
    expect(found).toMatchObject({
      authorization_servers: [ISSUER, 'https://other.example'],
      resource: `${api.origin}/api`,
    });
    expect(pathsOf(api)).toEqual(['/api', '/meta']);
  });

  it.each([
    ['a letter that is not ASCII', 'caf\u00e9'],
    ['a quote', 'a"b'],
    ['more than 4000 characters', 'x'.repeat(4001)],
  ])('rejects scopes with %s (RFC 6749 section 3.3)', async (_name, scope) => {
    await using api = await startApi({ status: 401 }, { scopes_supported: [scope] });
    expect(await rejectionOf(discoverRequirements(`${api.origin}/api`))).toMatchObject({ code: 'invalid_response' });
  });

  it('rejects metadata that names no authorization server', async () => {
    await using api = await startApi({ status: 401 }, { authorization_servers: [] });
    expect(await rejectionOf(discoverRequirements(`${api.origin}/api`))).toMatchObject({ code: 'metadata_not_found' });
  });
});

it('rejects a URL that is not absolute with a TypeError, and plain http with insecure_url, before a request is sent', async () => {
  let sent = 0;
  const fetch = async (): Promise<Response> => {
    sent += 1;
    return new Response();
  };
  await expect(discoverRequirements('/api', { fetch })).rejects.toThrow(/^url must be/);
  expect(await rejectionOf(discoverRequirements('http://api.example', { fetch }))).toMatchObject({
    code: 'insecure_url',
  });
  expect(sent).toBe(0);
});

describe('the cache', () => {
  it('uses a stored entry for 10 minutes', async () => {
    await using api = await startApi({ status: 401 });
    const { now, pass } = createClock();
    const cache = new Map<string, ResourceRequirements>();
    const { events, onEvent } = recordEvents();
    const url = `${api.origin}/api`;
    const found = await discoverRequirements(url, { cache, now, onEvent });
    expect([...cache]).toEqual([[url, found]]);
    pass(599);
    expect(await discoverRequirements(url, { cache, now, onEvent })).toEqual({ ...found, cached: true });
    expect(api.requests).toHaveLength(2);
    pass(1);
    expect(await discoverRequirements(url, { cache, now, onEvent })).toEqual({
      ...found,
      expires_at: START_SECONDS + 1200,
    });
    expect(api.requests).toHaveLength(4);
    expect(events).toEqual([]);
  });

  it('does not use a stored entry with more than 10 minutes left, because the clock was set back', async () => {
    await using api = await startApi({ status: 401 });
    const { now, pass } = createClock();
    const cache = new Map<string, ResourceRequirements>();
    await discoverRequirements(`${api.origin}/api`, { cache, now });
    pass(-1);
    await discoverRequirements(`${api.origin}/api`, { cache, now });
    expect(api.requests).toHaveLength(4);
  });

  it.each<[string, (entry: ResourceRequirements) => unknown, OAuthErrorCode]>([
    ['text', () => 'text', 'corrupt_file'],
    ['null', () => null, 'corrupt_file'],
    ['no authorization server', (entry) => ({ ...entry, authorization_servers: [] }), 'corrupt_file'],
    ['no resource', (entry) => ({ ...entry, resource: undefined }), 'corrupt_file'],
    ['no expiry', (entry) => ({ ...entry, expires_at: undefined }), 'corrupt_file'],
    ['a scope that is not a string', (entry) => ({ ...entry, scope: ['a'] }), 'corrupt_file'],
    ['another resource', (entry) => ({ ...entry, resource: 'https://other.example' }), 'resource_mismatch'],
    ['an unusable issuer', (entry) => ({ ...entry, authorization_servers: ['x'] }), 'invalid_response'],
  ])('reports a stored entry with %s as an event, and replaces it', async (_name, damage, code) => {
    await using api = await startApi({ status: 401 });
    const { now } = createClock();
    const url = `${api.origin}/api`;
    const good = { authorization_servers: [ISSUER] as [string], resource: url, expires_at: START_SECONDS + 600 };
    const cache = new Map([[url, damage(good) as ResourceRequirements]]);
    const { events, onEvent } = recordEvents();
    expect(await discoverRequirements(url, { cache, now, onEvent })).toEqual(good);
    expect(events).toEqual([{ type: 'metadata_cache_failed', issuer: url, code }]);
    expect(cache.get(url)).toEqual(good);
  });
});
