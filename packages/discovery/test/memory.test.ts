import { expect, it } from 'vitest';
import { discover } from '@oa/discovery';
import { createClock, fetchAs, metadata, RFC8414, startServer } from './servers.ts';

it('does not use the responses of an injected fetch for calls without it', async () => {
  await using real = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
  await using other = await startServer(() => ({
    [RFC8414]: { json: metadata(real.origin, { token_endpoint: `${real.origin}/other` }) },
  }));
  const fetch = fetchAs(real.origin, other);
  expect((await discover(real.origin, { fetch })).token_endpoint).toBe(`${real.origin}/other`);
  expect((await discover(real.origin)).token_endpoint).toBe(`${real.origin}/token`);
  expect((await discover(real.origin, { fetch })).token_endpoint).toBe(`${real.origin}/other`);
  expect([real.requests.length, other.requests.length]).toEqual([1, 1]);
});

it('keeps 100 issuers in memory, and forgets the one that was requested longest ago', async () => {
  await using server = await startServer((origin) => ({ path }) => ({
    json: metadata(origin + path.replace(RFC8414, ''), {}, origin),
  }));
  const { now, pass } = createClock();
  const countRequests = async (index: number): Promise<number> => {
    const before = server.requests.length;
    await discover(`${server.origin}/${index}`, { now });
    return server.requests.length - before;
  };
  for (let index = 0; index < 100; index += 1) expect(await countRequests(index)).toBe(1);
  pass(600);
  for (const index of [0, 100]) expect(await countRequests(index)).toBe(1);
  expect(await Promise.all([countRequests(0), countRequests(100)])).toEqual([0, 0]);
  pass(-600);
  expect(await countRequests(2)).toBe(0);
  expect(await countRequests(1)).toBe(1);
});

it('requests metadata again if it has more than the maximum lifetime left, because the clock was set back', async () => {
  await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
  const { now, pass } = createClock();
  await discover(server.origin, { now });
  pass(-2 * 86_400);
  await discover(server.origin, { now });
  expect(server.requests).toHaveLength(2);
});
