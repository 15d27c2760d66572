import { inspectAll } from '@oa-internal/testing';
import { isOAuthError, type OAuthEvent, type TokenSourceOptions } from '@oa/types';
import { expect, it } from 'vitest';
import { createFetch } from '@oa/fetch';
import { authorizationsOf, createCountingSource, refuseTokens, startServer } from './servers.ts';

it('adds the token as a Bearer header, and changes nothing else (RFC 6750 section 2.1)', async () => {
  const server = await startServer(() => ({ json: { ok: true } }));
  const fetch = createFetch(createCountingSource().source);
  const response = await fetch(`${server.origin}/things?page=2`, {
    method: 'PUT',
    headers: [['X-Own', 'kept']],
    body: 'text',
  });
  expect(await response.json()).toEqual({ ok: true });
  const [request] = server.requests;
  expect(request?.method).toBe('PUT');
  expect(request?.url).toBe('/things?page=2');
  expect(request?.body).toBe('text');
  expect(request?.headers).toMatchObject({ 'x-own': 'kept', authorization: 'Bearer token-1' });
});

it('accepts URL objects and Request objects, with and without init', async () => {
  const server = await startServer((request) => ({
    json: { body: request.body, own: request.headers['x-own'] ?? null },
  }));
  const fetch = createFetch(createCountingSource().source);
  expect((await fetch(new URL('/a', server.origin))).status).toBe(200);
  const request = new Request(`${server.origin}/b`, {
    method: 'POST',
    body: 'from request',
    headers: { 'x-own': '1' },
  });
  expect(await (await fetch(request)).json()).toEqual({ body: 'from request', own: '1' });
  expect(request.bodyUsed).toBe(true);
  const other = new Request(`${server.origin}/c`, { method: 'POST', body: 'not this', headers: { 'x-own': '1' } });
  expect(await (await fetch(other, { method: 'POST', body: 'this', headers: { 'x-own': '2' } })).json()).toEqual({
    body: 'this',
    own: '2',
  });
  expect(authorizationsOf(server.requests)).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-1']);
  // The length is known, as with plain fetch: some servers do not accept chunked bodies.
  expect(server.requests[1]?.headers['content-length']).toBe('12');
});

it('does not change a request that has an Authorization header', async () => {
  const server = await startServer(() => ({ status: 401 }));
  const { source, asked } = createCountingSource();
  const response = await createFetch(source)(server.origin, { headers: { Authorization: 'Basic eDp5' } });
  expect(response.status).toBe(401);
  expect(authorizationsOf(server.requests)).toEqual(['Basic eDp5']);
  expect(asked).toEqual([]);
});

it('sends no third request after a second 401', async () => {
  const server = await startServer(() => ({ status: 401 }));
  const { source } = createCountingSource();
  expect((await createFetch(source)(server.origin)).status).toBe(401);
  expect(authorizationsOf(server.requests)).toEqual(['Bearer token-1', 'Bearer token-2']);
});

it('cancels the body of the 401 before the second request', async () => {
  let ended = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        yield new Uint8Array(65_536);
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      ended = true;
    }
  }
  const server = await startServer((_request, index) => (index === 0 ? { status: 401, body: endless() } : {}));
  expect((await createFetch(createCountingSource().source)(server.origin)).status).toBe(200);
  await expect.poll(() => ended, { timeout: 20_000 }).toBe(true);
});

it('sends no second request if the source has no other token', async () => {
  const server = await startServer(() => ({ status: 401, body: 'why' }));
  const response = await createFetch(async () => ({ access_token: 'only', token_type: 'bearer' }))(server.origin);
  expect(await response.text()).toBe('why');
  expect(server.requests).toHaveLength(1);
});

it('sends each of 200 concurrently refused requests a second time, and names the refused token to the source', async () => {
  const server = await startServer(refuseTokens(['token-1']));
  const { source, rejections } = createCountingSource();
  const fetch = createFetch(source);
  const responses = await Promise.all(Array.from({ length: 200 }, () => fetch(server.origin)));
  expect(responses.every((response) => response.status === 200)).toBe(true);
  expect(server.requests).toHaveLength(rejections().length + 200);
  expect(new Set(rejections())).toEqual(new Set(['token-1']));
  expect(rejections().length).toBeLessThanOrEqual(200);
});

it('sends a streamed body once, returns the 401 with an event, and uses another token for the next request', async () => {
  const server = await startServer(refuseTokens(['token-1'], 'Bearer error="invalid_token"'));
  const { source, asked } = createCountingSource();
  const events: OAuthEvent[] = [];
  const fetch = createFetch(source, { onEvent: (event) => events.push(event) });
  const send = () =>
    fetch(`${server.origin}/upload?secret=1`, {
      method: 'POST',
      body: new Blob(['streamed']).stream(),
      duplex: 'half',
    });
  expect((await send()).status).toBe(401);
  expect(server.requests).toHaveLength(1);
  expect(events).toEqual([{ type: 'not_replayed', origin: server.origin }]);
  expect((await send()).status).toBe(200);
  expect((await send()).status).toBe(200);
  expect(authorizationsOf(server.requests)).toEqual(['Bearer token-1', 'Bearer token-2', 'Bearer token-2']);
  expect(asked.map((options) => options?.rejected)).toEqual([undefined, 'token-1', undefined]);
});

it('asks for another token until the source returns one, after the 401 to a streamed body', async () => {
  const server = await startServer((_request, index) => (index === 0 ? { status: 401 } : {}));
  const asked: (TokenSourceOptions | undefined)[] = [];
  const fetch = createFetch(async (options) => {
    asked.push(options);
    return { access_token: asked.length < 3 ? 'token-1' : 'token-2', token_type: 'Bearer' };
  });
  const upload = () => fetch(server.origin, { method: 'POST', body: new Blob(['x']).stream(), duplex: 'half' });
  expect((await upload()).status).toBe(401);
  for (let count = 0; count < 3; count += 1) expect((await upload()).status).toBe(200);
  expect(asked.map((options) => options?.rejected)).toEqual([undefined, 'token-1', 'token-1', undefined]);
  expect(authorizationsOf(server.requests)).toEqual([
    'Bearer token-1',
    'Bearer token-1',
    'Bearer token-2',
    'Bearer token-2',
  ]);
});

it.each([302, 307])(
  'drops the token on a redirect (%i) to another origin, and keeps it on one to the same origin (RFC 9700 section 4.9.1)',
  async (status) => {
    const other = await startServer(() => ({
      status: 401,
      headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
    }));
    const api = await startServer((request) => {
      if (request.path === '/away') return { status, headers: { location: `${other.origin}/caught` } };
      if (request.path === '/here') return { status, headers: { location: '/there' } };
      return {};
    });
    const { source, rejections } = createCountingSource();
    const fetch = createFetch(source);
    expect((await fetch(`${api.origin}/here`)).status).toBe(200);
    expect(authorizationsOf(api.requests)).toEqual(['Bearer token-1', 'Bearer token-1']);
    expect((await fetch(`${api.origin}/away`)).status).toBe(401);
    expect(authorizationsOf(other.requests)).toEqual([undefined]);
    // The other origin did not receive the token: its 401 says nothing about it.
    expect(rejections()).toEqual([]);
  },
);

it('uses an injected fetch, and passes its own options through', async () => {
  const seen: unknown[] = [];
  const fetch = createFetch(createCountingSource().source, {
    fetch: async (input, init) => {
      seen.push(input, (init as unknown as { dispatcher?: string }).dispatcher);
      return new Response('own');
    },
  });
  const response = await fetch('https://api.example/x', { dispatcher: 'proxy' } as unknown as RequestInit);
  expect(await response.text()).toBe('own');
  expect(seen).toEqual(['https://api.example/x', 'proxy']);
});

it('throws a TypeError for wrong arguments', () => {
  const { source } = createCountingSource();
  expect(() => createFetch('token' as never)).toThrow(TypeError);
  for (const origins of [
    'https://a.example',
    ['https://a.example/path'],
    ['a.example'],
    ['file:///x'],
    ['https://u@a.example'],
  ])
    expect(() => createFetch(source, { origins: origins as string[] })).toThrow(/origin/);
});

it('does not show the token in a network error (RFC 6750 section 5.3)', async () => {
  const server = await startServer(() => ({ drop: 'request' }));
  const error: unknown = await createFetch(async () => ({ access_token: 'PLANTED', token_type: 'Bearer' }))(
    server.origin,
  ).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TypeError);
  expect(isOAuthError(error)).toBe(false);
  expect(inspectAll(error)).not.toContain('PLANTED');
});
