import { startScriptedServer } from '@oa-internal/scripted-server';
import { expect, it } from 'vitest';
import { request } from '@oa/http';

it('resolves for any status, with the time at which the request went out', async () => {
  await using server = await startScriptedServer({ '/a': { status: 418, headers: { 'x-a': '1' }, body: 'tea' } });
  const response = await request('GET', `${server.origin}/a`, { now: () => 1234 });
  expect(response).toMatchObject({ url: `${server.origin}/a`, status: 418, text: 'tea', sentAt: 1234 });
  expect(response.headers.get('x-a')).toBe('1');
});

it('sends a body unchanged, a form as a form, and nothing for options that are undefined', async () => {
  await using server = await startScriptedServer(() => ({ json: {} }));
  await request('PUT', server.origin, { body: 'text', headers: { 'Content-Type': 'text/plain' } });
  await request('POST', server.origin, { form: { a: ['1', '2'], b: undefined } });
  await request('DELETE', server.origin, { body: undefined, form: undefined, headers: undefined, timeout: undefined });
  expect(server.requests.map(({ method, headers, body }) => [method, headers['content-type'], body])).toEqual([
    ['PUT', 'text/plain', 'text'],
    ['POST', 'application/x-www-form-urlencoded', 'a=1&a=2'],
    ['DELETE', undefined, ''],
  ]);
});

const url = 'http://127.0.0.1:9/';
it.each([
  ['method', () => request('PATCH' as 'PUT', url)],
  ['url', () => request('GET', new URL(url) as unknown as string)],
  ['x-a', () => request('GET', url, { headers: { 'x-a': 'SECRET\r\nx-b: 1' } })],
  ['x-a', () => request('GET', url, { headers: { 'x-a': 5 as unknown as string } })],
  ['header name', () => request('GET', url, { headers: { 'x a': '1' } })],
])('throws a TypeError for a wrong %s, and does not show the value', async (name, call) => {
  const error = await call().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TypeError);
  expect(String(error)).toContain(name);
  expect(String(error)).not.toContain('SECRET');
});
