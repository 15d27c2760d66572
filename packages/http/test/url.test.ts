import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { request } from '@oa/http';

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
])('refuses %s before anything is sent (RFC 8414 section 2)', async (url) => {
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
  'accepts %s (RFC 8252 section 8.3)',
  async (url) => {
    const { status } = await request('GET', url, { fetch: async () => Response.json({}) });
    expect(status).toBe(200);
  },
);

it('reaches a server on IPv6 loopback', async () => {
  await using server = await startScriptedServer({ '/': { body: 'six' } }, { host: '::1' });
  expect((await request('GET', `${server.origin}/`)).text).toBe('six');
});

it('shortens a long address in an error', async () => {
  const error = await rejectionOf(request('GET', `http://as.example/${'x'.repeat(5000)}`));
  expect(error.message.length).toBeLessThan(400);
});
