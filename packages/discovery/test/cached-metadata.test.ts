import type { OAuthErrorCode } from '@oa/types';
import { expect, it } from 'vitest';
import { discover, type CachedMetadata } from '@oa/discovery';
import { metadata, recordEvents, RFC8414, startServer } from './servers.ts';

it.each<[string, (issuer: string) => unknown, OAuthErrorCode]>([
  ['another issuer', () => ({ server: metadata('https://other.example'), expires_at: 1e10 }), 'corrupt_file'],
  ['no server', () => ({ expires_at: 1e10 }), 'corrupt_file'],
  ['text', () => 'text', 'corrupt_file'],
  ['null', () => null, 'corrupt_file'],
  ['no expiry', (issuer) => ({ server: metadata(issuer) }), 'corrupt_file'],
  [
    'a plain http endpoint',
    (issuer) => ({ server: metadata(issuer, { token_endpoint: 'http://evil.example' }), expires_at: 1e10 }),
    'insecure_url',
  ],
  [
    'an endpoint that is not a URL',
    (issuer) => ({ server: metadata(issuer, { revocation_endpoint: 'x' }), expires_at: 1e10 }),
    'insecure_url',
  ],
])('does not use a stored entry with %s, and replaces it', async (_name, createEntry, code) => {
  await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
  const cache = new Map([[server.origin, createEntry(server.origin) as CachedMetadata]]);
  const { events, onEvent } = recordEvents();
  expect(await discover(server.origin, { cache, onEvent })).toEqual(metadata(server.origin));
  expect(events).toEqual([{ type: 'metadata_cache_failed', issuer: server.origin, code }]);
  expect(cache.get(server.origin)?.server).toEqual(metadata(server.origin));
});
