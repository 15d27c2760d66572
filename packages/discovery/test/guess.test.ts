import type { Reply } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { discover, type CachedMetadata } from '@oa/discovery';
import { createClock, metadata, OPENID, recordEvents, RFC8414, startServer } from './servers.ts';

it.each([401, 403, 407, 451])(
  'guesses no endpoint if one well-known URL answers %i, and names the addresses and statuses',
  async (status) => {
    for (const place of [RFC8414, OPENID]) {
      await using server = await startServer(() => ({}));
      // The platform's fetch does not hand out a 407.
      const fetchWith: typeof fetch = async (url, init) => {
        const response = await fetch(url, init);
        return (url as string).endsWith(place) ? new Response('blocked', { status }) : response;
      };
      const { events, onEvent } = recordEvents();
      const error = await rejectionOf(discover(server.origin, { fetch: fetchWith, onEvent }));
      expect(error).toMatchObject({ code: 'metadata_not_found', retryable: false });
      expect(error.message).toContain(`${server.origin}${place} answered ${status}`);
      expect(error.message).toContain('answered 404');
      expect(events).toEqual([]);
    }
  },
);

it.each<[string, Record<string, Reply>]>([
  ['404 everywhere', {}],
  ['410 everywhere', { [RFC8414]: { status: 410 }, [OPENID]: { status: 410 } }],
  ['404 and 400', { [RFC8414]: { status: 400 } }],
])('guesses the endpoints after %s', async (_name, script) => {
  await using server = await startServer(() => script);
  expect(await discover(server.origin)).toMatchObject({
    token_endpoint: `${server.origin}/token`,
    guessed_after: [RFC8414, OPENID].map((path) => `${server.origin}${path}`),
  });
});

it.each<[string, Record<string, Reply>]>([
  ['400 everywhere', { [RFC8414]: { status: 400 }, [OPENID]: { status: 400 } }],
  ['405 and 406', { [RFC8414]: { status: 405 }, [OPENID]: { status: 406 } }],
])('guesses no endpoint after %s: no well-known URL answered 404 or 410', async (_name, script) => {
  await using server = await startServer(() => script);
  const error = await rejectionOf(discover(server.origin));
  expect(error.code).toBe('metadata_not_found');
  for (const path of [RFC8414, OPENID]) expect(error.message).toContain(`${server.origin}${path} answered 40`);
  expect(error.message).toContain('is it complete (realm, tenant)?');
});

it('asks again at once after a refused request: the error is not remembered', async () => {
  await using server = await startServer(() => ({ [RFC8414]: { status: 403 } }));
  await rejectionOf(discover(server.origin));
  server.script({ [RFC8414]: { json: metadata(server.origin) } });
  expect(await discover(server.origin)).toEqual(metadata(server.origin));
});

it.each([404, 403])(
  'guesses nothing for a server that has published metadata within 7 days and now answers %i',
  async (status) => {
    await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
    const { now, pass } = createClock();
    const cache = new Map<string, CachedMetadata>();
    await discover(server.origin, { cache, now });
    server.script(() => ({ status }));
    const { events, onEvent } = recordEvents();
    expect((await rejectionOf(discover(server.origin, { cache, now, fresh: true, onEvent }))).code).toBe(
      'metadata_not_found',
    );
    pass(601);
    expect(await discover(server.origin, { cache: new Map(cache), now, onEvent })).toEqual(metadata(server.origin));
    expect(events).toEqual([{ type: 'stale_metadata', issuer: server.origin, code: 'metadata_not_found' }]);
  },
);

it('guesses the endpoints of a server that has published no metadata for 7 days', async () => {
  await using server = await startServer((origin) => ({
    [RFC8414]: { json: metadata(origin, { token_endpoint: `${origin}/old` }) },
  }));
  const { now, pass } = createClock();
  await discover(server.origin, { now });
  server.script({});
  pass(600 + 7 * 86_400 + 1);
  expect((await discover(server.origin, { now })).token_endpoint).toBe(`${server.origin}/token`);
});

it('does not use stored conventional endpoints of an earlier version, which does not say what was asked', async () => {
  await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
  const expires_at = Math.floor(Date.now() / 1000) + 60;
  const old: CachedMetadata = { server: metadata(server.origin), expires_at, conventional: true };
  expect(await discover(server.origin, { cache: new Map([[server.origin, old]]) })).toEqual(metadata(server.origin));
  expect(server.requests).toHaveLength(1);
});

it.each(['/.well-known/jwks.json', '/.well-known/oauth-protected-resource/mcp', '/a/.well-known', `${OPENID}.json`])(
  'guesses no endpoint for %s, which is the address of a document (RFC 8615 section 3)',
  async (path) => {
    await using server = await startServer(() => ({}));
    const { events, onEvent } = recordEvents();
    const error = await rejectionOf(discover(`${server.origin}${path}`, { onEvent }));
    expect(error.code).toBe('metadata_not_found');
    expect(error.message).toContain('Pass the issuer');
    expect(events).toEqual([]);
  },
);
