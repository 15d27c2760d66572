import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { looseObject, string } from 'valibot';
import { describe, expect, it } from 'vitest';
import { getJson, postForm, postJson, request } from '@oa/http';

const schema = looseObject({ name: string() });

describe('what is sent', () => {
  it('C5: a form goes out as a POST body that asks for JSON, with nothing in the query', async () => {
    await using server = await startScriptedServer({ '/token': { json: { name: 'x', more: 1 } } });
    const form = { a: ['1', '2'], b: undefined, c: 'é &', d: '' };
    expect(await postForm(`${server.origin}/token`, form, schema)).toEqual({ name: 'x', more: 1 });
    const [sent] = server.requests;
    expect(sent).toMatchObject({ method: 'POST', url: '/token', body: 'a=1&a=2&c=%C3%A9+%26&d=' });
    expect(sent?.headers).toMatchObject({
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
    });
  });

  it("sends JSON, own headers, and the endpoint's own query", async () => {
    await using server = await startScriptedServer(() => ({ json: { name: 'x' } }));
    const headers = { Authorization: 'Bearer t' };
    await postJson(`${server.origin}/register?tenant=1`, { redirect_uris: ['x'] }, schema, { headers });
    await request('DELETE', `${server.origin}/client`);
    expect(server.requests.map(({ method, url, body }) => [method, url, body])).toEqual([
      ['POST', '/register?tenant=1', '{"redirect_uris":["x"]}'],
      ['DELETE', '/client', ''],
    ]);
    expect(server.requests[0]?.headers).toMatchObject({
      authorization: 'Bearer t',
      'content-type': 'application/json',
    });
  });

  it('resolves for any status, with the time the request went out', async () => {
    await using server = await startScriptedServer({ '/a': { status: 418, headers: { 'x-a': '1' }, body: 'tea' } });
    const response = await request('GET', `${server.origin}/a`, { now: () => 1234 });
    expect(response).toMatchObject({ url: `${server.origin}/a`, status: 418, text: 'tea', sentAt: 1234 });
    expect(response.headers.get('x-a')).toBe('1');
  });

  it('hands plain arguments to an injected fetch', async () => {
    const calls: unknown[][] = [];
    const fetch = async (...args: unknown[]): Promise<Response> => {
      calls.push(args);
      return Response.json({ name: 'x' });
    };
    await postForm('https://as.example/token', { a: '1' }, schema, { fetch });
    expect(calls[0]?.[0]).toBe('https://as.example/token');
    expect(calls[0]?.[1]).toMatchObject({ method: 'POST', body: 'a=1', redirect: 'manual' });
  });
});

describe('arguments', () => {
  const url = 'http://127.0.0.1:9/';
  it.each([
    ['method', () => request('PATCH' as 'PUT', url)],
    ['url', () => request('GET', new URL(url) as unknown as string)],
    ['timeout', () => request('GET', url, { timeout: 0 })],
    ['timeout', () => request('GET', url, { timeout: Number.NaN })],
    ['timeout', () => request('GET', url, { timeout: 2 ** 31 })],
    ['x-a', () => request('GET', url, { headers: { 'x-a': 'SECRET\r\nx-b: 1' } })],
    ['header name', () => request('GET', url, { headers: { 'x a': '1' } })],
  ])('a wrong %s is a TypeError that shows no value', async (name, call) => {
    const error = await call().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain(name);
    expect(String(error)).not.toContain('SECRET');
  });
});

describe('addresses', () => {
  it.each([
    'http://as.example/token',
    'http://127.0.0.2/',
    'http://localhost.:1/',
    'http://127.0.0.1.nip.example/',
    'http://x.localhost/',
    'http://[::2]/',
    'http://0.0.0.0/',
    'ftp://127.0.0.1/',
    'data:application/json,{}',
    'javascript:1',
    'https://user:SECRET@as.example/',
    'https://SECRET@as.example/',
    'not a url SECRET',
    '/token?secret=SECRET',
    '',
  ])('E3: %s is refused before anything is sent', async (url) => {
    let calls = 0;
    const fetch = async (): Promise<Response> => {
      calls += 1;
      return Response.json({});
    };
    const error = await rejectionOf(request('GET', url, { fetch }));
    expect(error.code).toBe('insecure_url');
    expect(error.retryable).toBe(false);
    expect(error.message).not.toContain('SECRET');
    expect(calls).toBe(0);
  });

  it.each(['http://localhost:1/', 'http://127.0.0.1:1/', 'http://[::1]:1/', 'https://as.example/'])(
    'E3: %s is used',
    async (url) => {
      const { status } = await request('GET', url, { fetch: async () => Response.json({}) });
      expect(status).toBe(200);
    },
  );

  it('a long address is named in short', async () => {
    const error = await rejectionOf(request('GET', `http://as.example/${'x'.repeat(5000)}`));
    expect(error.message.length).toBeLessThan(400);
  });

  it('E3: listens to IPv6 loopback too', async () => {
    await using server = await startScriptedServer({ '/': { json: { name: 'six' } } }, { host: '::1' });
    expect(await getJson(`${server.origin}/`, schema)).toEqual({ name: 'six' });
  });
});
