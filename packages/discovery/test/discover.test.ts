import { createServer } from 'node:net';
import type { Reply } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { describe, expect, it, vi } from 'vitest';
import { conventionalServer, discover, type CachedMetadata } from '@oa/discovery';
import { createClock, HTML, metadata, OPENID, OUT_OF_SERVICE, recordEvents, RFC8414, startServer } from './servers.ts';

it('rejects a wrong option with a TypeError', async () => {
  await expect(discover('https://as.example', { fallback: 'guess' as never })).rejects.toThrow(/fallback/);
  await expect(discover('https://as.example', { timeout: -1 })).rejects.toThrow(/timeout/);
});

it('returns a copy of the metadata to each caller', async () => {
  await using server = await startServer((origin) => ({
    [RFC8414]: { json: metadata(origin, { scopes_supported: ['a'] }) },
  }));
  const found = await discover(server.origin);
  found.token_endpoint = 'https://evil.example/token';
  found.scopes_supported?.push('b');
  expect(await discover(server.origin)).toEqual(metadata(server.origin, { scopes_supported: ['a'] }));
  expect(server.requests).toHaveLength(1);
});

describe('concurrent callers', () => {
  it('shares one request, and its failure, among concurrent callers', async () => {
    await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin), delay: 20 } }));
    const found = await Promise.all(Array.from({ length: 200 }, () => discover(server.origin)));
    expect(new Set(found.map(({ issuer }) => issuer))).toEqual(new Set([server.origin]));
    expect(server.requests).toHaveLength(1);
    await using down = await startServer(() => () => OUT_OF_SERVICE);
    const errors = await Promise.all(Array.from({ length: 200 }, async () => rejectionOf(discover(down.origin))));
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['http_error']));
    expect(down.requests).toHaveLength(1);
  });

  it('does not share a result among callers with different options', async () => {
    await using server = await startServer(() => ({}));
    const [conventional, error] = await Promise.all([
      discover(server.origin),
      rejectionOf(discover(server.origin, { fallback: 'none' })),
    ]);
    expect(conventional.token_endpoint).toBe(`${server.origin}/token`);
    expect(error.code).toBe('metadata_not_found');
  });

  it('ends the wait of a caller whose signal aborts, and the request when the last caller leaves', async () => {
    await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin), delay: 100 } }));
    const reason = new Error('enough');
    const controller = new AbortController();
    const [aborted, found] = [discover(server.origin, { signal: controller.signal }), discover(server.origin)];
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    expect((await found).issuer).toBe(server.origin);
    expect(server.requests).toHaveLength(1);
    await expect(discover(server.origin, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);

    const sockets = new Set<unknown>();
    let closed = 0;
    const silent = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => (closed += 1));
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const issuer = `http://127.0.0.1:${(silent.address() as { port: number }).port}`;
    const controllers = [new AbortController(), new AbortController()];
    const both = controllers.map((each) => discover(issuer, { signal: each.signal }));
    await expect.poll(() => sockets.size, { timeout: 20_000 }).toBe(1);
    for (const each of controllers) each.abort(reason);
    for (const one of both) await expect(one).rejects.toBe(reason);
    await expect.poll(() => closed, { timeout: 20_000 }).toBe(1);
    silent.close();
  });
});

describe('while the server is down', () => {
  it('uses expired metadata for up to 7 days while the server is down, with an event, and asks the server once a minute', async () => {
    await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
    const { now, pass } = createClock();
    const cache = new Map<string, CachedMetadata>();
    const { events, onEvent } = recordEvents();
    await discover(server.origin, { cache, now });
    server.script(() => OUT_OF_SERVICE);
    pass(601);
    const stale = { type: 'stale_metadata', issuer: server.origin, code: 'http_error' };
    expect(await discover(server.origin, { cache, now, onEvent })).toEqual(metadata(server.origin));
    expect(await discover(server.origin, { cache, now, onEvent })).toEqual(metadata(server.origin));
    expect(events).toEqual([stale, stale]);
    expect(server.requests).toHaveLength(2);

    pass(60);
    server.script({ [RFC8414]: { json: metadata(server.origin, { token_endpoint: `${server.origin}/new` }) } });
    expect((await discover(server.origin, { cache, now, onEvent })).token_endpoint).toBe(`${server.origin}/new`);
    expect(events).toHaveLength(2);

    // Another process that has only the store, and a server that is unreachable.
    await server.close();
    pass(600 + 7 * 86_400);
    const copyStore = () => new Map(cache);
    expect(await discover(server.origin, { cache: copyStore(), now, onEvent })).toMatchObject({
      issuer: server.origin,
    });
    expect(events.at(-1)).toEqual({ ...stale, code: 'network_error' });
    pass(1);
    expect((await rejectionOf(discover(server.origin, { cache: copyStore(), now }))).code).toBe('network_error');
  });

  it('uses expired metadata from memory while the server is down, without a store', async () => {
    await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
    const { now, pass } = createClock();
    await discover(server.origin, { now });
    server.script(() => OUT_OF_SERVICE);
    pass(601);
    const { events, onEvent } = recordEvents();
    expect(await discover(server.origin, { now, onEvent })).toEqual(metadata(server.origin));
    expect(events.map(({ type }) => type)).toEqual(['stale_metadata']);
  });

  it('waits 5 seconds for a server that does not answer, if expired metadata is available', async () => {
    await using server = await startServer(() => () => ({ drop: 'never' }));
    const entry = { server: metadata(server.origin), expires_at: Math.floor(Date.now() / 1000) - 1 };
    const { events, onEvent } = recordEvents();
    const cache = new Map([[server.origin, entry]]);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const found = discover(server.origin, { cache, onEvent });
      await vi.waitFor(() => expect(server.requests).toHaveLength(1));
      await vi.advanceTimersByTimeAsync(5000);
      expect(await found).toEqual(metadata(server.origin));
    } finally {
      vi.useRealTimers();
    }
    expect(events).toEqual([{ type: 'stale_metadata', issuer: server.origin, code: 'timeout' }]);
  });

  it('does not use expired metadata of a server that answers for another issuer (RFC 8414 section 3.3)', async () => {
    await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
    const { now, pass } = createClock();
    await discover(server.origin, { now });
    pass(601);
    server.script({ [RFC8414]: { json: metadata('https://other.example') } });
    expect((await rejectionOf(discover(server.origin, { now }))).code).toBe('issuer_mismatch');
  });
});

describe('the conventional endpoints', () => {
  it('uses the conventional endpoints at the origin of the issuer, with an event, if every well-known URL answers 404', async () => {
    await using server = await startServer(() => ({}));
    for (const [path, requests] of [
      ['', 2],
      ['/tenant/', 3],
    ] as const) {
      const issuer = `${server.origin}${path}`;
      const { events, onEvent } = recordEvents();
      const before = server.requests.length;
      const found = await discover(issuer, { onEvent });
      const guessed_after = server.requests.slice(before).map(({ url }) => `${server.origin}${url}`);
      expect(guessed_after).toHaveLength(requests);
      expect(found).toEqual({ ...conventionalServer(issuer), guessed_after });
      expect(found).toEqual({
        issuer,
        authorization_endpoint: `${server.origin}/authorize`,
        token_endpoint: `${server.origin}/token`,
        registration_endpoint: `${server.origin}/register`,
        guessed_after,
      });
      expect(events).toEqual([{ type: 'discovery_fallback', issuer, guessed_after }]);
    }
  });

  it("does not use the conventional endpoints with fallback: 'none', although they are in memory", async () => {
    await using server = await startServer(() => ({}));
    const cache = new Map();
    await discover(server.origin, { cache });
    const { events, onEvent } = recordEvents();
    const error = await rejectionOf(discover(server.origin, { cache, fallback: 'none', onEvent }));
    expect(error).toMatchObject({ code: 'metadata_not_found', retryable: false });
    expect(error.message).toContain(server.origin);
    expect(events).toEqual([]);
    expect(server.requests).toHaveLength(4);
  });

  it('caches the conventional endpoints for a minute, and does not use them while the server is down', async () => {
    await using server = await startServer(() => ({}));
    const { now, pass } = createClock();
    const cache = new Map<string, CachedMetadata>();
    const { events, onEvent } = recordEvents();
    await discover(server.origin, { cache, now, onEvent });
    pass(59);
    await discover(server.origin, { cache, now, onEvent });
    expect(server.requests).toHaveLength(2);
    expect(events.map(({ type }) => type)).toEqual(['discovery_fallback', 'discovery_fallback']);
    pass(1);
    server.script(() => OUT_OF_SERVICE);
    expect((await rejectionOf(discover(server.origin, { cache, now }))).code).toBe('http_error');
    server.script({ [RFC8414]: { json: metadata(server.origin) } });
    expect(await discover(server.origin, { cache, now })).toEqual(metadata(server.origin));
  });

  it.each<[string, Reply, string]>([
    ['500', { status: 500 }, 'http_error'],
    ['503', OUT_OF_SERVICE, 'http_error'],
    ['429', { status: 429, headers: { 'retry-after': '900' } }, 'http_error'],
    ['408', { status: 408 }, 'http_error'],
    ['425', { status: 425 }, 'http_error'],
    ['a web page', HTML, 'unexpected_content_type'],
    ['an empty response', { body: '' }, 'invalid_json'],
    ['a document without token_endpoint', { json: { issuer: 'x' } }, 'invalid_response'],
    ['a redirect to another origin', { status: 302, headers: { location: 'https://x.example/' } }, 'redirect_refused'],
    ['a body that is too large', { body: ' '.repeat(1_100_000) }, 'response_too_large'],
    ['no response at all', { drop: 'never' }, 'timeout'],
    ['a broken connection', { drop: 'request' }, 'network_error'],
  ])('never uses the conventional endpoints after %s of one of the well-known URLs', async (_name, reply, code) => {
    for (const place of [RFC8414, OPENID]) {
      await using server = await startServer(() => ({ [place]: reply }));
      const { events, onEvent } = recordEvents();
      const timeout = code === 'timeout' ? 150 : 2500;
      expect(await rejectionOf(discover(server.origin, { onEvent, timeout }))).toMatchObject({ code });
      expect(events.filter(({ type }) => type !== 'retry')).toEqual([]);
    }
  });
});

describe('with fresh: true', () => {
  it('asks the server although a copy is cached, and keeps the new copy for other calls and processes', async () => {
    await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
    const cache = new Map<string, CachedMetadata>();
    await discover(server.origin, { cache });
    const token_endpoint = `${server.origin}/moved`;
    server.script({ [RFC8414]: { json: metadata(server.origin, { token_endpoint }) } });
    expect((await discover(server.origin, { cache })).token_endpoint).toBe(`${server.origin}/token`);
    expect((await discover(server.origin, { cache, fresh: true })).token_endpoint).toBe(token_endpoint);
    expect((await discover(server.origin, { cache })).token_endpoint).toBe(token_endpoint);
    expect((await discover(server.origin, { cache: new Map(cache) })).token_endpoint).toBe(token_endpoint);
    expect(server.requests).toHaveLength(2);
  });

  it('rejects while the server is down, and leaves the copy as it is', async () => {
    await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
    const cache = new Map<string, CachedMetadata>();
    await discover(server.origin, { cache });
    server.script(() => OUT_OF_SERVICE);
    expect((await rejectionOf(discover(server.origin, { cache, fresh: true }))).code).toBe('http_error');
    expect(await discover(server.origin, { cache: new Map(cache) })).toEqual(metadata(server.origin));
  });
});
