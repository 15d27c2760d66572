import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { createFetch } from '@oa/fetch';
import { authorizationsOf, createCountingSource, startServer } from './servers.ts';

it('sends the token to the given origins only (RFC 9700 section 2.3)', async () => {
  const [api, other] = [await startServer(() => ({})), await startServer(() => ({ status: 401 }))];
  const { source, asked } = createCountingSource();
  const fetch = createFetch(source, { origins: [`${api.origin}/`] });
  await fetch(`${api.origin}/a`);
  expect((await fetch(`${other.origin}/b`, { headers: { 'x-own': 'kept' } })).status).toBe(401);
  expect(authorizationsOf(api.requests)).toEqual(['Bearer token-1']);
  expect(authorizationsOf(other.requests)).toEqual([undefined]);
  expect(other.requests[0]?.headers['x-own']).toBe('kept');
  expect(asked).toHaveLength(1);
});

it.each(['http://api.example/things?token=planted', 'ftp://api.example/x'])(
  'refuses %s before the source is asked (RFC 6750 section 5.3)',
  async (url) => {
    const { source, asked } = createCountingSource();
    const error = await rejectionOf(createFetch(source)(url));
    expect(error).toMatchObject({ code: 'insecure_url', retryable: false });
    expect(inspectAll(error)).not.toContain('planted');
    expect(asked).toEqual([]);
  },
);

it('sends the token to loopback hosts over plain http', async () => {
  const ipv6 = await startServer(() => ({}), '::1');
  const ipv4 = await startServer(() => ({}));
  const localhost = ipv4.origin.replace('127.0.0.1', 'localhost');
  const fetch = createFetch(createCountingSource().source, { origins: [ipv6.origin, localhost] });
  await fetch(ipv6.origin);
  await fetch(localhost);
  expect(authorizationsOf([...ipv6.requests, ...ipv4.requests])).toEqual(['Bearer token-1', 'Bearer token-1']);
});
