import { attempt } from '@oa/types';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { looseObject, string } from 'valibot';
import { expect, it } from 'vitest';
import { postForm, request } from '@oa/http';

const schema = looseObject({ name: string() });

it('is response_too_large for more headers than the platform reads', async () => {
  const headers = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`x-${index}`, 'y']));
  await using server = await startScriptedServer(() => ({ headers, json: {} }));
  const error = await rejectionOf(request('GET', server.origin));
  expect(error.code).toBe('response_too_large');
  expect(server.requests).toHaveLength(1);
});

it.each(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])('is timeout for %s of the platform', async (code) => {
  const fetch = async (): Promise<Response> => {
    throw new TypeError('fetch failed', { cause: Object.assign(new Error('late'), { code }) });
  };
  const error = await rejectionOf(request('GET', 'https://as.example/', { fetch }));
  expect(error).toMatchObject({ code: 'timeout', retryable: true });
});

it.each<[string, string | undefined, boolean]>([
  ['ECONNREFUSED', 'connect', true],
  ['ENOTFOUND', 'getaddrinfo', true],
  ['EAI_AGAIN', undefined, true],
  ['EHOSTUNREACH', 'connect', true],
  ['EHOSTUNREACH', 'read', false],
  ['ETIMEDOUT', 'connect', true],
  ['ETIMEDOUT', 'read', false],
  ['UND_ERR_CONNECT_TIMEOUT', undefined, true],
  ['ECONNRESET', 'write', false],
  ['UND_ERR_SOCKET', undefined, false],
  ['CERT_HAS_EXPIRED', undefined, false],
  ['SOMETHING_ELSE', undefined, false],
])('tells after %s of %s whether a POST was never sent: %s', async (code, syscall, unsent) => {
  let calls = 0;
  const fetch = async (): Promise<Response> => {
    calls += 1;
    if (calls > 1) return Response.json({ name: 'x' });
    const inner = Object.assign(new Error('SECRET'), { code, syscall });
    throw new TypeError('fetch failed', { cause: new AggregateError([inner], 'SECRET') });
  };
  const result = await attempt(postForm('https://as.example/', { code: 'c' }, schema, { fetch }));
  expect(result).toMatchObject(unsent ? { ok: true } : { ok: false, error: { code: 'network_error' } });
  expect(calls).toBe(unsent ? 2 : 1);
});
