import { rejectionOf } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { discover, type CachedMetadata } from '@oa/discovery';
import {
  createClock,
  metadata,
  OPENID,
  OUT_OF_SERVICE,
  pathsOf,
  recordEvents,
  RFC8414,
  startServer,
} from './servers.ts';

it.each<[string, string | undefined, number]>([
  ['10 minutes without the header', undefined, 600],
  ['max-age', 'public, max-age=30, must-revalidate', 30],
  ['max-age in any case and in quotes', 'Max-Age="30"', 30],
  ['24 hours at most', 'max-age=31536000, immutable', 86_400],
  ['10 minutes for a max-age that is not a number', 'max-age=soon', 600],
  ['no time with no-cache', 'no-cache', 0],
  ['no time with max-age=0', 'max-age=0', 0],
  ['a minute with no-store', 'no-store, max-age=100', 60],
])(
  'reuses metadata for as long as Cache-Control allows (RFC 9111 section 5.2.2): %s',
  async (_name, control, seconds) => {
    await using server = await startServer((origin) => ({
      [RFC8414]: { json: metadata(origin), headers: control === undefined ? {} : { 'cache-control': control } },
    }));
    const { now, pass } = createClock();
    await discover(server.origin, { now });
    pass(Math.max(seconds - 1, 0));
    await discover(server.origin, { now });
    expect(server.requests).toHaveLength(seconds === 0 ? 2 : 1);
    pass(1);
    await discover(server.origin, { now });
    expect(server.requests).toHaveLength(seconds === 0 ? 3 : 2);
  },
);

it('subtracts the time in a shared cache, as the Age header states it (RFC 9111 section 5.1)', async () => {
  await using server = await startServer((origin) => ({
    [RFC8414]: { json: metadata(origin), headers: { 'cache-control': 'max-age=100', age: '90' } },
  }));
  const { now, pass } = createClock();
  await discover(server.origin, { now });
  pass(9);
  await discover(server.origin, { now });
  pass(1);
  await discover(server.origin, { now });
  expect(server.requests).toHaveLength(2);
});

it('keeps metadata with no-store for a minute, also for the next process, and then asks the URL that had it', async () => {
  const noStore = { 'cache-control': 'no-store' };
  await using server = await startServer((origin) => ({
    [`/tenant${OPENID}`]: { json: metadata(`${origin}/tenant`), headers: noStore },
  }));
  const issuer = `${server.origin}/tenant`;
  const { now, pass } = createClock();
  const cache = new Map<string, CachedMetadata>();
  await discover(issuer, { cache, now });
  expect(server.requests).toHaveLength(3);
  // Another store has another memory, as in another process.
  const { events, onEvent } = recordEvents();
  const second = new Map(cache);
  pass(59);
  expect(await discover(issuer, { cache: second, now, onEvent })).toEqual(metadata(issuer));
  expect(server.requests).toHaveLength(3);
  pass(1);
  await discover(issuer, { cache: second, now, onEvent });
  await discover(issuer, { cache, now });
  expect(pathsOf(server).slice(3)).toEqual([`/tenant${OPENID}`, `/tenant${OPENID}`]);
  expect(events).toEqual([]);
});

it('asks the URL first that an entry of an earlier version names, which had no metadata after no-store', async () => {
  await using server = await startServer((origin) => ({ [OPENID]: { json: metadata(origin) } }));
  const metadata_url = `${server.origin}${OPENID}`;
  const cache = new Map<string, CachedMetadata>([[server.origin, { metadata_url, expires_at: 0 }]]);
  expect(await discover(server.origin, { cache })).toEqual(metadata(server.origin));
  expect(pathsOf(server)).toEqual([OPENID]);
});

it('asks the other URLs after a remembered one that has no document any more', async () => {
  await using server = await startServer((origin) => ({
    [OPENID]: { json: metadata(origin), headers: { 'cache-control': 'no-store' } },
  }));
  const { now, pass } = createClock();
  await discover(server.origin, { now });
  pass(60);
  server.script({ [RFC8414]: { json: metadata(server.origin) } });
  server.requests.length = 0;
  expect(await discover(server.origin, { now })).toEqual(metadata(server.origin));
  expect(pathsOf(server)).toEqual([OPENID, RFC8414]);
});

it('does not use metadata with no-store after its minute while the server is down', async () => {
  const headers = { 'cache-control': 'no-store' };
  await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin), headers } }));
  const { now, pass } = createClock();
  const cache = new Map<string, CachedMetadata>();
  await discover(server.origin, { cache, now });
  server.script(() => OUT_OF_SERVICE);
  pass(59);
  expect(await discover(server.origin, { cache, now })).toEqual(metadata(server.origin));
  pass(1);
  expect((await rejectionOf(discover(server.origin, { cache, now }))).code).toBe('http_error');
});
