import { OAuthError, type OAuthErrorCode, type Store } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { discover, discoverRequirements, type CachedMetadata } from '@oa/discovery';
import {
  createClock,
  metadata,
  pathsOf,
  recordEvents,
  RESOURCE,
  RFC8414,
  START_SECONDS,
  startServer,
} from './servers.ts';

type Failure = [thrown: string, error: Error, code: OAuthErrorCode];
const FAILURES: Failure[] = [
  [
    'an OAuthError',
    new OAuthError('insecure_file_permissions', 'Others can write there.'),
    'insecure_file_permissions',
  ],
  ['another error', new Error('PLANTED'), 'storage_unavailable'],
];

/** A store whose `method` throws `error`, or rejects with it. */
function createFailingStore(method: 'get' | 'set', how: 'throws' | 'rejects', error: Error): Store<never> {
  const fail = (): Promise<never> => {
    if (how === 'rejects') return Promise.reject(error);
    throw error;
  };
  return { get: () => undefined, set: () => undefined, delete: () => undefined, [method]: fail };
}

describe.each([
  ['get', 'throws'],
  ['get', 'rejects'],
  ['set', 'throws'],
  ['set', 'rejects'],
] as const)('a store whose %s %s', (method, how) => {
  it.each(FAILURES)('is an event and a miss for discover, with %s', async (_thrown, error, code) => {
    await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
    const { events, onEvent } = recordEvents();
    const cache = createFailingStore(method, how, error);
    expect(await discover(server.origin, { cache, onEvent })).toEqual(metadata(server.origin));
    expect(events).toEqual([{ type: 'metadata_cache_failed', issuer: server.origin, code }]);
  });

  it.each(FAILURES)('is an event and a miss for discoverRequirements, with %s', async (_thrown, error, code) => {
    const issuer = 'https://as.example';
    await using server = await startServer((origin) => ({
      [`${RESOURCE}/api`]: { json: { resource: `${origin}/api`, authorization_servers: [issuer] } },
    }));
    const resource = `${server.origin}/api`;
    const { events, onEvent } = recordEvents();
    const cache = createFailingStore(method, how, error);
    const requirements = await discoverRequirements(resource, { cache, onEvent });
    expect(requirements).toMatchObject({ resource, authorization_servers: [issuer] });
    // The issuer is not known before the resource is asked.
    const named = method === 'get' ? resource : issuer;
    expect(events).toEqual([{ type: 'metadata_cache_failed', issuer: named, code }]);
  });
});

it('requests metadata once with a store that always fails, since memory keeps it', async () => {
  await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
  const cache: Store<CachedMetadata> = {
    get: () => Promise.reject(new OAuthError('insecure_file_permissions', 'Others can write there.')),
    set: () => {
      throw new Error('PLANTED');
    },
    delete: () => {},
  };
  const { events, onEvent } = recordEvents();
  expect((await discover(server.origin, { cache, onEvent })).issuer).toBe(server.origin);
  expect(events).toEqual([
    { type: 'metadata_cache_failed', issuer: server.origin, code: 'insecure_file_permissions' },
    { type: 'metadata_cache_failed', issuer: server.origin, code: 'storage_unavailable' },
  ]);
  await discover(server.origin, { cache });
  expect(pathsOf(server)).toEqual([RFC8414]);
});

it('sends no request for metadata that another process stored, until it expires', async () => {
  await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
  const { now, pass } = createClock();
  const first = new Map<string, CachedMetadata>();
  await discover(server.origin, { cache: first, now });
  const metadata_url = `${server.origin}${RFC8414}`;
  expect([...first]).toEqual([
    [server.origin, { server: metadata(server.origin), metadata_url, expires_at: START_SECONDS + 600 }],
  ]);
  // Another store has another memory, as in another process.
  const second = new Map(Object.entries(structuredClone(Object.fromEntries(first))));
  expect(await discover(server.origin, { cache: second, now })).toEqual(metadata(server.origin));
  expect(server.requests).toHaveLength(1);
  pass(600);
  await discover(server.origin, { cache: second, now });
  expect(server.requests).toHaveLength(2);
  expect(second.get(server.origin)?.expires_at).toBe(START_SECONDS + 1200);
});
