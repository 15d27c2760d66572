import type { TokenSource } from '@oa/types';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { createFetch } from '@oa/fetch';

const source: TokenSource = async () => ({ access_token: 'token', token_type: 'Bearer' });

it('sends the token to the origin of the first request only, without the option origins (RFC 9700 section 2.3)', async () => {
  await using api = await startScriptedServer(() => ({}));
  await using other = await startScriptedServer(() => ({}));
  const call = createFetch(source);
  await call(`${api.origin}/a`);
  await call(`${other.origin}/named-by-the-answer`);
  await call(`${api.origin}/b`);
  expect(api.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer token', 'Bearer token']);
  expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
});

it('does not take the origin of a request with its own Authorization header for the first one', async () => {
  await using other = await startScriptedServer(() => ({}));
  await using api = await startScriptedServer(() => ({}));
  const call = createFetch(source);
  await call(other.origin, { headers: { authorization: 'Basic Yzpz' } });
  await call(api.origin);
  expect(api.requests[0]?.headers.authorization).toBe('Bearer token');
});

it.each(['data:text/plain,hello', 'file:///etc/passwd', 'blob:https://api.example/1', 'javascript:1'])(
  'sends nothing for %s, which has no origin for a token',
  async (url) => {
    let asked = 0;
    const call = createFetch(async () => {
      asked += 1;
      return source();
    });
    expect((await rejectionOf(call(url))).code).toBe('insecure_url');
    expect(asked).toBe(0);
  },
);

it('does not send a redirected POST a second time: its first target may have done the work', async () => {
  await using api = await startScriptedServer({
    '/start': { status: 307, headers: { location: '/target' } },
    '/target': { status: 401 },
  });
  let count = 0;
  const tokens: TokenSource = async () => ({ access_token: `token-${(count += 1)}`, token_type: 'Bearer' });
  const events: string[] = [];
  const call = createFetch(tokens, { onEvent: ({ type }) => events.push(type) });
  const response = await call(`${api.origin}/start`, { method: 'POST', body: 'pay' });
  expect(response.status).toBe(401);
  expect(api.requestsTo('/target')).toHaveLength(1);
  expect(events).toEqual(['not_replayed']);
});

it('sends a redirected GET a second time', async () => {
  await using api = await startScriptedServer({
    '/start': { status: 302, headers: { location: '/target' } },
    '/target': ({ headers }) => ({ status: headers.authorization === 'Bearer token-2' ? 200 : 401 }),
  });
  let count = 0;
  const call = createFetch(async () => ({ access_token: `token-${(count += 1)}`, token_type: 'Bearer' }));
  expect((await call(`${api.origin}/start`)).status).toBe(200);
});
