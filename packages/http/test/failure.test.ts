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
  expect(error).toMatchObject({ code: 'timeout', retryable: true, sent: true });
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

it.each<[string, string | undefined, boolean]>([
  ['ECONNREFUSED', 'connect', false],
  ['ENOTFOUND', 'getaddrinfo', false],
  ['UND_ERR_CONNECT_TIMEOUT', undefined, false],
  ['ETIMEDOUT', 'connect', false],
  ['ETIMEDOUT', 'read', true],
  ['ECONNRESET', 'write', true],
  ['UND_ERR_SOCKET', undefined, true],
  ['CERT_HAS_EXPIRED', undefined, false],
  ['SOMETHING_ELSE', undefined, true],
])('tells after %s of %s whether the request may have reached the server: %s', async (code, syscall, sent) => {
  const fetch = async (): Promise<Response> => {
    throw new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code, syscall }) });
  };
  const error = await rejectionOf(postForm('https://as.example/', { code: 'c' }, schema, { fetch, timeout: 50 }));
  expect(error).toMatchObject({ code: 'network_error', sent });
  expect(JSON.parse(JSON.stringify(error))).toHaveProperty('sent', sent);
});

it('tells that an earlier attempt may have reached the server, although the last one did not', async () => {
  let calls = 0;
  const fetch = async (): Promise<Response> => {
    calls += 1;
    throw Object.assign(new Error('x'), { code: calls === 1 ? 'ECONNRESET' : 'ECONNREFUSED' });
  };
  const error = await rejectionOf(request('GET', 'https://as.example/', { fetch }));
  expect(error).toMatchObject({ code: 'network_error', sent: true });
  expect(error.message).toContain('ECONNREFUSED');
  expect(calls).toBe(3);
});

it('tells of an answer that broke off that the request was sent', async () => {
  await using server = await startScriptedServer((_, index) =>
    index === 0 ? { drop: 'request' } : { drop: 'body', body: 'x'.repeat(100), headers: { 'content-length': '100' } },
  );
  for (let round = 0; round < 2; round += 1)
    expect(await rejectionOf(request('POST', server.origin))).toMatchObject({ code: 'network_error', sent: true });
});

it('says where the credentials of a proxy go that the program has chosen itself', async () => {
  const cause = new Error('Request was cancelled.', {
    cause: new Error('Proxy response (407) !== 200 when HTTP Tunneling'),
  });
  const fetch = (): Promise<Response> => Promise.reject(new TypeError('fetch failed', { cause }));
  const error = await rejectionOf(request('GET', 'https://as.example/', { fetch }));
  expect(error).toMatchObject({ code: 'network_error', retryable: false, sent: false });
  expect(error.message).toBe(
    'No answer from https://as.example/. The proxy wants credentials (status 407). Put them into the URL of the proxy, as in http://USER:PASSWORD@HOST:PORT, with special characters percent-encoded.',
  );
});
