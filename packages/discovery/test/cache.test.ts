import { rejectionOf } from '@oa-internal/testing';
import { createServer } from 'node:net';
import type { OAuthErrorCode, Store } from '@oa/types';
import { OAuthError } from '@oa/types';
import { expect, test, vi } from 'vitest';
import { discover, type CachedMetadata } from '@oa/discovery';
import { as, metadata, OUT_OF_SERVICE, pathsOf, recorder, RFC8414, serving } from './servers.ts';

const START = Date.UTC(2030, 0, 1);

/** A clock that tests move, in seconds. */
function clock() {
  let now = START;
  return { now: () => now, pass: (seconds: number) => (now += seconds * 1000) };
}

test.each<[string, string | undefined, number]>([
  ['nothing is 10 minutes', undefined, 600],
  ['max-age counts', 'public, max-age=30, must-revalidate', 30],
  ['any case and quotes', 'Max-Age="30"', 30],
  ['24 hours at most', 'max-age=31536000, immutable', 86_400],
  ['rubbish is nothing', 'max-age=soon', 600],
  ['no-cache is asked each time', 'no-cache', 0],
  ['max-age=0 too', 'max-age=0', 0],
  ['no-store too', 'no-store, max-age=100', 0],
])('metadata is kept as long as Cache-Control says: %s', async (_name, control, seconds) => {
  await using server = await serving((origin) => ({
    [RFC8414]: { json: metadata(origin), headers: control === undefined ? {} : { 'cache-control': control } },
  }));
  const { now, pass } = clock();
  await discover(server.origin, { now });
  pass(Math.max(seconds - 1, 0));
  await discover(server.origin, { now });
  expect(server.requests).toHaveLength(seconds === 0 ? 2 : 1);
  pass(1);
  await discover(server.origin, { now });
  expect(server.requests).toHaveLength(seconds === 0 ? 3 : 2);
});

test('the time that a cache on the way kept it counts', async () => {
  await using server = await serving((origin) => ({
    [RFC8414]: { json: metadata(origin), headers: { 'cache-control': 'max-age=100', age: '90' } },
  }));
  const { now, pass } = clock();
  await discover(server.origin, { now });
  pass(9);
  await discover(server.origin, { now });
  pass(1);
  await discover(server.origin, { now });
  expect(server.requests).toHaveLength(2);
});

test('the store is for other processes: who finds metadata there sends no request', async () => {
  await using server = await serving((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
  const { now, pass } = clock();
  const first = new Map<string, CachedMetadata>();
  await discover(server.origin, { cache: first, now });
  expect([...first]).toEqual([[server.origin, { server: metadata(server.origin), expires_at: START / 1000 + 600 }]]);
  // Another store has another memory: as in another process.
  const second = new Map(Object.entries(structuredClone(Object.fromEntries(first))));
  expect(await discover(server.origin, { cache: second, now })).toEqual(metadata(server.origin));
  expect(server.requests).toHaveLength(1);
  pass(600);
  await discover(server.origin, { cache: second, now });
  expect(server.requests).toHaveLength(2);
  expect(second.get(server.origin)?.expires_at).toBe(START / 1000 + 1200);
});

test('no-store is kept in no store', async () => {
  await using server = await serving((origin) => ({
    [RFC8414]: { json: metadata(origin), headers: { 'cache-control': 'no-store' } },
  }));
  const cache = new Map<string, CachedMetadata>();
  await discover(server.origin, { cache });
  expect(cache.size).toBe(0);
});

test('what a caller does to the metadata is not seen by the next', async () => {
  await using server = await serving((origin) => ({
    [RFC8414]: { json: metadata(origin, { scopes_supported: ['a'] }) },
  }));
  const found = await discover(server.origin);
  found.token_endpoint = 'https://evil.example/token';
  found.scopes_supported?.push('b');
  expect(await discover(server.origin)).toEqual(metadata(server.origin, { scopes_supported: ['a'] }));
  expect(server.requests).toHaveLength(1);
});

test('what an injected fetch answers is only for those who inject it', async () => {
  await using real = await serving((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
  await using other = await serving(() => ({
    [RFC8414]: { json: metadata(real.origin, { token_endpoint: `${real.origin}/other` }) },
  }));
  const fetch = as(real.origin, other);
  expect((await discover(real.origin, { fetch })).token_endpoint).toBe(`${real.origin}/other`);
  expect((await discover(real.origin)).token_endpoint).toBe(`${real.origin}/token`);
  expect((await discover(real.origin, { fetch })).token_endpoint).toBe(`${real.origin}/other`);
  expect([real.requests.length, other.requests.length]).toEqual([1, 1]);
});

test('200 callers at once share one request, and so do those that fail', async () => {
  await using server = await serving((origin) => ({ [RFC8414]: { json: metadata(origin), delay: 20 } }));
  const found = await Promise.all(Array.from({ length: 200 }, () => discover(server.origin)));
  expect(new Set(found.map(({ issuer }) => issuer))).toEqual(new Set([server.origin]));
  expect(server.requests).toHaveLength(1);
  await using down = await serving(() => () => OUT_OF_SERVICE);
  const errors = await Promise.all(Array.from({ length: 200 }, async () => rejectionOf(discover(down.origin))));
  expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['http_error']));
  expect(down.requests).toHaveLength(1);
});

test("one caller's abort ends his wait only; the last one's ends the request", async () => {
  await using server = await serving((origin) => ({ [RFC8414]: { json: metadata(origin), delay: 100 } }));
  const reason = new Error('enough');
  const impatient = new AbortController();
  const [given, found] = [discover(server.origin, { signal: impatient.signal }), discover(server.origin)];
  impatient.abort(reason);
  await expect(given).rejects.toBe(reason);
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
  const both = controllers.map((controller) => discover(issuer, { signal: controller.signal }));
  await expect.poll(() => sockets.size).toBe(1);
  for (const controller of controllers) controller.abort(reason);
  for (const one of both) await expect(one).rejects.toBe(reason);
  await expect.poll(() => closed).toBe(1);
  silent.close();
});

test('a server that is down: metadata of an earlier time serves, with an event, and the server gets a pause', async () => {
  await using server = await serving((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
  const { now, pass } = clock();
  const cache = new Map<string, CachedMetadata>();
  const { events, onEvent } = recorder();
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

  // Another process, with only the store, a server that is gone, and a document that is too old in the end.
  await server.close();
  pass(600 + 7 * 86_400);
  const store = () => new Map(cache);
  expect(await discover(server.origin, { cache: store(), now, onEvent })).toMatchObject({ issuer: server.origin });
  expect(events.at(-1)).toEqual({ ...stale, code: 'network_error' });
  pass(1);
  expect((await rejectionOf(discover(server.origin, { cache: store(), now }))).code).toBe('network_error');
});

test('a server that does not answer is not waited for as long, when there is metadata of an earlier time', async () => {
  await using server = await serving(() => () => ({ drop: 'never' }));
  const entry = { server: metadata(server.origin), expires_at: Math.floor(Date.now() / 1000) - 1 };
  const { events, onEvent } = recorder();
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

test('E2: a server that now answers for somebody else is not down: earlier metadata does not serve', async () => {
  await using server = await serving((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
  const { now, pass } = clock();
  await discover(server.origin, { now });
  pass(601);
  server.script({ [RFC8414]: { json: metadata('https://other.example') } });
  expect((await rejectionOf(discover(server.origin, { now }))).code).toBe('issuer_mismatch');
});

test('E5: the conventional endpoints are remembered for a minute, and never serve when the server is down', async () => {
  await using server = await serving(() => ({}));
  const { now, pass } = clock();
  const cache = new Map<string, CachedMetadata>();
  const { events, onEvent } = recorder();
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

test('a clock that was set back: what seems to stay fresh for days is asked for again', async () => {
  await using server = await serving((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
  const { now, pass } = clock();
  await discover(server.origin, { now });
  pass(-2 * 86_400);
  await discover(server.origin, { now });
  expect(server.requests).toHaveLength(2);
});

test.each<[string, (issuer: string) => unknown, OAuthErrorCode]>([
  ['another issuer', () => ({ server: metadata('https://other.example'), expires_at: 1e10 }), 'corrupt_file'],
  ['no server', () => ({ expires_at: 1e10 }), 'corrupt_file'],
  ['text', () => 'text', 'corrupt_file'],
  ['no time', (issuer) => ({ server: metadata(issuer) }), 'corrupt_file'],
  [
    'an endpoint in the clear',
    (issuer) => ({ server: metadata(issuer, { token_endpoint: 'http://evil.example' }), expires_at: 1e10 }),
    'insecure_url',
  ],
  [
    'an endpoint that is none',
    (issuer) => ({ server: metadata(issuer, { revocation_endpoint: 'x' }), expires_at: 1e10 }),
    'insecure_url',
  ],
])('a stored entry with %s is not used', async (_name, entry, code) => {
  await using server = await serving((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
  const cache = new Map([[server.origin, entry(server.origin) as CachedMetadata]]);
  const { events, onEvent } = recorder();
  expect(await discover(server.origin, { cache, onEvent })).toEqual(metadata(server.origin));
  expect(events).toEqual([{ type: 'metadata_cache_failed', issuer: server.origin, code }]);
  expect(cache.get(server.origin)?.server).toEqual(metadata(server.origin));
});

test('a store that fails costs requests, not the login', async () => {
  await using server = await serving((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
  const cache: Store<CachedMetadata> = {
    get: () => Promise.reject(new OAuthError('insecure_file_permissions', 'others can write there')),
    set: () => {
      throw new Error('PLANTED');
    },
    delete: () => {},
  };
  const { events, onEvent } = recorder();
  expect((await discover(server.origin, { cache, onEvent })).issuer).toBe(server.origin);
  expect(events).toEqual([
    { type: 'metadata_cache_failed', issuer: server.origin, code: 'insecure_file_permissions' },
    { type: 'metadata_cache_failed', issuer: server.origin, code: 'storage_unavailable' },
  ]);
  await discover(server.origin, { cache });
  expect(pathsOf(server)).toEqual([RFC8414]);
});

test('memory is bounded: of many issuers the one asked for longest ago is forgotten', async () => {
  await using server = await serving((origin) => ({ path }) => ({
    json: metadata(origin + path.replace(RFC8414, ''), {}, origin),
  }));
  const { now, pass } = clock();
  const ask = async (index: number): Promise<number> => {
    const before = server.requests.length;
    await discover(`${server.origin}/${index}`, { now });
    return server.requests.length - before;
  };
  for (let index = 0; index < 100; index += 1) expect(await ask(index)).toBe(1);
  pass(600);
  for (const index of [0, 100]) expect(await ask(index)).toBe(1);
  expect(await Promise.all([ask(0), ask(100)])).toEqual([0, 0]);
  pass(-600);
  expect(await ask(2)).toBe(0);
  expect(await ask(1)).toBe(1);
});

test('callers that want different things do not share one answer', async () => {
  await using server = await serving(() => ({}));
  const [conventional, error] = await Promise.all([
    discover(server.origin),
    rejectionOf(discover(server.origin, { fallback: 'none' })),
  ]);
  expect(conventional.token_endpoint).toBe(`${server.origin}/token`);
  expect(error.code).toBe('metadata_not_found');
});

test('a server that is down: memory serves without a store too', async () => {
  await using server = await serving((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
  const { now, pass } = clock();
  await discover(server.origin, { now });
  server.script(() => OUT_OF_SERVICE);
  pass(601);
  const { events, onEvent } = recorder();
  expect(await discover(server.origin, { now, onEvent })).toEqual(metadata(server.origin));
  expect(events.map(({ type }) => type)).toEqual(['stale_metadata']);
});
