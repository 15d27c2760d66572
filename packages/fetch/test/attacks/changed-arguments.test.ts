import type { TokenSource } from '@oa/types';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { expect, it } from 'vitest';
import { createFetch } from '@oa/fetch';

/** A source that runs `meanwhile` before it returns its token. */
function slowSource(meanwhile: () => unknown): TokenSource {
  return async () => {
    await Promise.resolve();
    meanwhile();
    return { access_token: 'token', token_type: 'Bearer' };
  };
}

it('sends the token to the URL of the call, although the caller changes the URL object meanwhile', async () => {
  await using api = await startScriptedServer(() => ({}));
  await using other = await startScriptedServer(() => ({}));
  const url = new URL(`${api.origin}/a`);
  const source = slowSource(() => (url.href = `${other.origin}/stolen`));
  await createFetch(source, { origins: [api.origin] })(url);
  expect(other.requests).toEqual([]);
  expect(api.requests.map(({ url: path }) => path)).toEqual(['/a']);
});

it('asks for three pages with one URL object that the caller changes between the calls', async () => {
  await using api = await startScriptedServer(() => ({}));
  const call = createFetch(slowSource(() => undefined));
  const url = new URL(api.origin);
  const calls = ['1', '2', '3'].map((page) => {
    url.searchParams.set('page', page);
    return call(url);
  });
  await Promise.all(calls);
  expect(api.requests.map(({ url: path }) => path).toSorted()).toEqual(['/?page=1', '/?page=2', '/?page=3']);
});

it.each<[string, () => { body: NonNullable<RequestInit['body']>; change: () => void }]>([
  [
    'URLSearchParams',
    () => {
      const body = new URLSearchParams('a=1');
      return { body, change: () => body.set('a', 'changed') };
    },
  ],
  [
    'bytes',
    () => {
      const body = new TextEncoder().encode('a=1');
      return { body, change: () => body.fill(0x20) };
    },
  ],
  [
    'an ArrayBuffer',
    () => {
      const bytes = new TextEncoder().encode('a=1');
      return { body: bytes.buffer, change: () => bytes.fill(0x20) };
    },
  ],
])('sends %s as they were at the call, twice after a 401', async (_, create) => {
  await using api = await startScriptedServer((_request, index) => (index === 0 ? { status: 401 } : {}));
  const { body, change } = create();
  let count = 0;
  const source: TokenSource = async () => {
    await Promise.resolve();
    change();
    return { access_token: `token-${(count += 1)}`, token_type: 'Bearer' };
  };
  await createFetch(source)(api.origin, { method: 'POST', body });
  expect(api.requests.map((request) => request.body)).toEqual(['a=1', 'a=1']);
});

it('sends a form as it was at the call', async () => {
  await using api = await startScriptedServer(() => ({}));
  const body = new FormData();
  body.set('a', '1');
  await createFetch(slowSource(() => body.set('a', 'changed')))(api.origin, { method: 'POST', body });
  expect(api.requests[0]?.body).toContain('\r\n1\r\n');
});

it('sends the method, the headers and the signal of the call, although the caller changes init meanwhile', async () => {
  await using api = await startScriptedServer(() => ({}));
  const init: RequestInit = { method: 'PUT', headers: { 'x-a': '1' } };
  const source = slowSource(() => {
    Object.assign(init, { method: 'DELETE', signal: AbortSignal.abort() });
    (init.headers as Record<string, string>)['x-a'] = 'changed';
  });
  await createFetch(source)(api.origin, init);
  expect(api.requests.map(({ method, headers }) => [method, headers['x-a']])).toEqual([['PUT', '1']]);
});

it('marks a Request as used at once, as fetch does', async () => {
  await using api = await startScriptedServer(() => ({}));
  const request = new Request(api.origin, { method: 'POST', body: 'once' });
  const sent = createFetch(slowSource(() => undefined))(request);
  expect(request.bodyUsed).toBe(true);
  await sent;
  expect(api.requests.map(({ body }) => body)).toEqual(['once']);
});
