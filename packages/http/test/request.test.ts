import { startScriptedServer } from '@oa-internal/scripted-server';
import { expect, it } from 'vitest';
import { inspectAll, observeChannels } from '@oa-internal/testing';
import { readError, request } from '@oa/http';

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

it('makes headers and parameters anew for each further attempt, and shows those of no attempt in an error', async () => {
  const sent: unknown[] = [];
  await using server = await startScriptedServer(({ form, headers }, index) => {
    sent.push([form.get('a'), form.get('b'), headers['x-a'], headers['x-b']]);
    if (index < 2) return { status: 503, headers: { 'retry-after': '0' } };
    return { status: 400, json: { error: 'invalid_client', error_description: sent.join(' and ') } };
  });
  // Words, which nothing but the comparison with what was sent can recognise.
  const secrets = ['the quick brown fox', 'jumps over lazy dogs', 'pack my box with jugs', 'how vexingly they ran'];
  const [first, ...others] = secrets;
  const response = await request('POST', server.origin, {
    headers: { 'x-a': 'kept', 'x-b': 'replaced' },
    form: { a: 'kept', b: first },
    idempotent: true,
    renew: async () => ({ headers: { 'X-B': 'replacement' }, parameters: { b: others.shift() } }),
  });
  expect(sent).toEqual([
    ['kept', secrets[0], 'kept', 'replaced'],
    ['kept', secrets[1], 'kept', 'replacement'],
    ['kept', secrets[2], 'kept', 'replacement'],
  ]);
  const shown = inspectAll(await readError(response));
  expect(shown).toContain('refused the request with invalid_client. The server says: "***');
  for (const secret of secrets) expect(shown).not.toContain(secret);
});

it('keeps a body that is no form, and ends with the error of what makes the parameters', async () => {
  await using server = await startScriptedServer((_, index) => (index % 2 === 0 ? { status: 503 } : { json: {} }));
  const options = { body: 'text', idempotent: true };
  await request('POST', server.origin, { ...options, renew: async () => ({ parameters: { a: '1' } }) });
  expect(server.requests.map(({ body }) => body)).toEqual(['text', 'text']);
  const reason = new RangeError('the key is gone');
  const failing = request('POST', server.origin, { ...options, renew: () => Promise.reject(reason) });
  await expect(failing).rejects.toBe(reason);
  expect(server.requests).toHaveLength(3);
});

it('publishes each attempt on the channel oa:request, without the query and without what was sent', async () => {
  await using server = await startScriptedServer(({ path }, index) => {
    if (path === '/moved') return { status: 302, headers: { location: '/final?code=SECRET' } };
    return index === 0 ? { status: 503, headers: { 'retry-after': '0' } } : { json: { access_token: 'SECRET' } };
  });
  using observer = observeChannels();
  const authorization = `Basic ${btoa('SECRET:SECRET')}`;
  await request('POST', `${server.origin}/token?code=SECRET`, {
    headers: { authorization },
    form: { client_id: 'SECRET' },
    idempotent: true,
  });
  await request('GET', `${server.origin}/moved?code=SECRET`);
  // The path of a client configuration endpoint (RFC 7592) has the client_id.
  await request('DELETE', `${server.origin}/register/SECRET`, { headers: { authorization: 'Bearer SECRET' } });
  expect(observer.endsOf('oa:request')).toEqual([
    { method: 'POST', url: `${server.origin}/token`, attempt: 1, status: 503 },
    { method: 'POST', url: `${server.origin}/token`, attempt: 2, status: 200 },
    { method: 'GET', url: `${server.origin}/moved`, attempt: 1, status: 200 },
    { method: 'DELETE', url: server.origin, attempt: 1, status: 200 },
  ]);
  expect(JSON.stringify(observer.published)).not.toContain('SECRET');
});

it('publishes why an attempt failed, also where a fetch of the caller ignores the timeout', async () => {
  using observer = observeChannels();
  const fails = async (): Promise<Response> => {
    throw Object.assign(new TypeError('fetch failed: SECRET'), { cause: { code: 'ECONNRESET' } });
  };
  await expect(request('POST', url, { fetch: fails })).rejects.toMatchObject({ code: 'network_error' });
  const never = (): Promise<Response> => new Promise<Response>(() => {});
  await expect(request('POST', url, { fetch: never, timeout: 200 })).rejects.toMatchObject({ code: 'timeout' });
  const abort = new AbortController();
  const aborted = request('POST', url, { fetch: never, signal: abort.signal });
  abort.abort('SECRET');
  await expect(aborted).rejects.toBe('SECRET');
  const ends = observer.endsOf('oa:request');
  expect(ends).toEqual(
    ['network_error', 'timeout', 'other'].map((code) => ({ method: 'POST', url, attempt: 1, code })),
  );
  expect(JSON.stringify(observer.published)).not.toContain('SECRET');
});
