import type { OAuthEvent } from '@oa/types';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { looseObject, string } from 'valibot';
import { describe, expect, it } from 'vitest';
import { getJson, postForm } from '@oa/http';

const schema = looseObject({ name: string() });

const now = (): number => Date.UTC(2026, 10, 22, 8, 0, 0);

describe.concurrent('retries', () => {
  it('sends a GET again after 503 and 429, with an event each, until it succeeds', async () => {
    await using server = await startScriptedServer((_, index) =>
      index < 2 ? { status: index === 0 ? 503 : 429 } : { json: { name: 'x' } },
    );
    const events: OAuthEvent[] = [];
    const result = await getJson(`${server.origin}/a?q=1`, schema, { onEvent: (event) => events.push(event) });
    expect(result).toEqual({ name: 'x' });
    const retry = { type: 'retry', url: `${server.origin}/a`, code: 'http_error' };
    expect(events).toMatchObject([
      { ...retry, attempt: 1, status: 503 },
      { ...retry, attempt: 2, status: 429 },
    ]);
    const delays = events.map((event) => (event.type === 'retry' ? event.delay : 0));
    expect(delays[0]).toBeGreaterThanOrEqual(0.25);
    expect(delays[1]).toBeGreaterThanOrEqual(0.5);
    expect(delays[1]).toBeLessThanOrEqual(1);
  });

  it.each([429, 502, 503, 504])(
    'gives up on %i after three attempts, with an error that is retryable (RFC 6749 section 5.2)',
    async (status) => {
      await using server = await startScriptedServer(() => ({ status }));
      expect(await rejectionOf(getJson(`${server.origin}/`, schema))).toMatchObject({
        code: 'http_error',
        status,
        retryable: true,
      });
      expect(server.requests).toHaveLength(3);
    },
  );

  it.each([400, 401, 403, 404, 408, 500, 501])('does not send a request again after %i', async (status) => {
    await using server = await startScriptedServer(() => ({ status }));
    const error = await rejectionOf(getJson(`${server.origin}/`, schema));
    expect(error).toMatchObject({ code: 'http_error', status, retryable: status >= 500 || status === 408 });
    expect(server.requests).toHaveLength(1);
  });

  it('sends a GET again after a broken connection, but not a POST', async () => {
    await using server = await startScriptedServer((_, index) =>
      index === 0
        ? { drop: 'body', json: { name: 'x' }, headers: { 'content-length': '12' } }
        : { json: { name: 'x' } },
    );
    expect(await getJson(`${server.origin}/`, schema)).toEqual({ name: 'x' });
    expect(server.requests).toHaveLength(2);
    server.script(() => ({ drop: 'request' }));
    const error = await rejectionOf(postForm(`${server.origin}/`, { code: 'c' }, schema));
    expect(error).toMatchObject({ code: 'network_error', retryable: true });
    expect(server.requests).toHaveLength(3);
  });

  it('sends a POST again after a 503 only if it is idempotent', async () => {
    await using server = await startScriptedServer((_, index) =>
      index === 2 ? { json: { name: 'x' } } : { status: 503 },
    );
    expect((await rejectionOf(postForm(`${server.origin}/`, {}, schema))).status).toBe(503);
    expect(server.requests).toHaveLength(1);
    expect(await postForm(`${server.origin}/`, {}, schema, { idempotent: true })).toEqual({ name: 'x' });
    expect(server.requests).toHaveLength(3);
  });

  it('sends a POST again after a refused connection, because nothing was sent', async () => {
    const dead = await startScriptedServer();
    await dead.close();
    const events: OAuthEvent[] = [];
    const onEvent = (event: OAuthEvent): void => {
      events.push(event);
    };
    const error = await rejectionOf(postForm(`${dead.origin}/token`, { code: 'c' }, schema, { onEvent }));
    expect(error).toMatchObject({ code: 'network_error', retryable: true });
    expect(error.message).toContain('ECONNREFUSED');
    expect(events.map((event) => event.type)).toEqual(['retry', 'retry']);
  });

  it('reaches a server that starts between two attempts of a POST, exactly once', async () => {
    const first = await startScriptedServer();
    const port = Number(new URL(first.origin).port);
    await first.close();
    const later: Promise<Awaited<ReturnType<typeof startScriptedServer>>>[] = [];
    const onEvent = (): void => {
      if (later.length === 0) later.push(startScriptedServer(() => ({ json: { name: 'up' } }), { port }));
    };
    expect(await postForm(`${first.origin}/`, { code: 'c' }, schema, { onEvent })).toEqual({ name: 'up' });
    const server = await later[0];
    expect(server?.requests).toHaveLength(1);
    await server?.close();
  });

  it('waits as long as Retry-After says (RFC 9110 section 10.2.3)', async () => {
    await using server = await startScriptedServer((_, index) =>
      index === 0 ? { status: 503, headers: { 'retry-after': '1' } } : { json: { name: 'x' } },
    );
    const delays: number[] = [];
    const onEvent = (event: OAuthEvent): void => void (event.type === 'retry' && delays.push(event.delay));
    await getJson(`${server.origin}/`, schema, { onEvent });
    expect(delays).toEqual([1]);
  });

  it.each([
    ['900', 900],
    ['  7.2 ', 8],
    ['99999999999999999999', 31_536_000],
    ['Sun, 22 Nov 2026 08:15:00 GMT', 900],
    ['Sunday, 22-Nov-26 08:15:00 GMT', 900],
    ['Sun, 22 Nov 2020 08:15:00 GMT', 0],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 31_536_000],
    ['-5', undefined],
    ['soon', undefined],
    ['1e9', undefined],
    ['Infinity', undefined],
    ['', undefined],
  ])('reads Retry-After %j as %j seconds, and does not wait for a long one', async (value, seconds) => {
    const headers = { 'retry-after': value, date: 'unknown' };
    await using server = await startScriptedServer(() => ({ status: 429, headers }));
    const error = await rejectionOf(postForm(`${server.origin}/`, {}, schema, { now }));
    expect(error.retryable).toBe(true);
    expect(error.retryAfter).toBe(seconds);
    const isLong = seconds !== undefined && seconds >= 900;
    if (isLong) await rejectionOf(getJson(`${server.origin}/`, schema, { now }));
    expect(server.requests).toHaveLength(isLong ? 2 : 1);
  });

  it.each([
    ['Sun, 22 Nov 2026 08:15:00 GMT', 'Sun, 22 Nov 2026 08:14:00 GMT', 60],
    ['Sun, 22 Nov 2026 08:15:00 GMT', 'Mon, 23 Nov 2026 08:15:00 GMT', 0],
    ['Thu, 01 Jan 1970 00:00:30 GMT', 'Thu, 01 Jan 1970 00:00:00 GMT', 30],
    ['Sun, 22 Nov 2026 08:15:00 GMT', '5', 900],
    ['7', 'Thu, 01 Jan 1970 00:00:00 GMT', 7],
  ])('reads Retry-After %j beside Date %j as %j seconds (RFC 9110 section 10.2.3)', async (value, date, seconds) => {
    await using server = await startScriptedServer(() => ({ status: 503, headers: { 'retry-after': value, date } }));
    expect((await rejectionOf(postForm(`${server.origin}/`, {}, schema, { now }))).retryAfter).toBe(seconds);
  });

  it('does not wait 15 minutes for a 429, even if the timeout is longer', async () => {
    await using server = await startScriptedServer(() => ({ status: 429, headers: { 'retry-after': '900' } }));
    const error = await rejectionOf(getJson(`${server.origin}/`, schema, { timeout: 3_600_000 }));
    expect(error).toMatchObject({ status: 429, retryAfter: 900, retryable: true });
    expect(server.requests).toHaveLength(1);
  });

  it('starts no wait that the timeout would end', async () => {
    await using server = await startScriptedServer(() => ({ status: 503, headers: { 'retry-after': '5' } }));
    const error = await rejectionOf(getJson(`${server.origin}/`, schema, { timeout: 4000 }));
    expect(error).toMatchObject({ code: 'http_error', status: 503, retryAfter: 5 });
    expect(server.requests).toHaveLength(1);
  });
});
