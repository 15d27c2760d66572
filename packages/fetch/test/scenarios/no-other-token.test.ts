// An API that refuses every token (a wrong tenant, a missing role), and a source that has no other one.
import { rejectionOf } from '@oa-internal/testing';
import { OAuthError, type OAuthEvent, type TokenSource, type TokenSourceOptions } from '@oa/types';
import { expect, it } from 'vitest';
import { createFetch } from '@oa/fetch';
import { authorizationsOf, createCountingSource, startServer } from '../servers.ts';

/** Returns `only` until it is refused, and then rejects. */
function createSource(failure: unknown): { source: TokenSource; asked: (TokenSourceOptions | undefined)[] } {
  const asked: (TokenSourceOptions | undefined)[] = [];
  const source: TokenSource = async (options) => {
    asked.push(options);
    if (options?.rejected !== undefined || options?.scope !== undefined) throw failure;
    return { access_token: 'only', token_type: 'Bearer' };
  };
  return { source, asked };
}

const loginRequired = new OAuthError('login_required', 'A user must log in.');
const refusals: [number, string | undefined][] = [
  [401, undefined],
  [401, 'Bearer'],
  [401, 'Bearer error="invalid_token"'],
  [401, 'Bearer error="invalid_request"'],
  [401, 'Basic realm="api"'],
  [403, 'Bearer error="insufficient_scope", scope="admin"'],
];

it.each(refusals)(
  "returns the API's own %i (%s) with its body if no other token can be obtained, and says why in an event",
  async (status, challenge) => {
    const headers = challenge === undefined ? {} : { 'www-authenticate': challenge };
    const server = await startServer(() => ({ status, headers, json: { message: 'wrong tenant' } }));
    const events: OAuthEvent[] = [];
    const fetch = createFetch(createSource(loginRequired).source, { onEvent: (event) => events.push(event) });
    const response = await fetch(server.origin, { method: 'POST', body: 'x' });
    expect([response.status, response.bodyUsed, await response.json()]).toEqual([
      status,
      false,
      { message: 'wrong tenant' },
    ]);
    expect(server.requests).toHaveLength(1);
    const message = 'A user must log in.';
    expect(events).toEqual([{ type: 'not_renewed', origin: server.origin, code: 'login_required', message }]);
  },
);

it("returns the API's own 401 whatever the OAuthError of the renewal is", async () => {
  const server = await startServer(() => ({ status: 401, body: 'no role' }));
  for (const code of ['http_error', 'network_error', 'timeout', 'oauth_error', 'storage_unavailable'] as const) {
    const fetch = createFetch(createSource(new OAuthError(code, 'No.', { retryable: true })).source);
    expect(await (await fetch(server.origin)).text()).toBe('no role');
  }
  const other: TokenSource = async (options) => ({
    access_token: 'only',
    token_type: options?.rejected === undefined ? 'Bearer' : 'DPoP',
  });
  expect(await (await createFetch(other)(server.origin)).text()).toBe('no role');
  expect(new Set(authorizationsOf(server.requests))).toEqual(new Set(['Bearer only']));
});

it('sends a token to an API that refuses each one at most twice for each call, and returns its answer', async () => {
  const server = await startServer((_request, index) => ({ status: 401, body: `answer ${index}` }));
  const { source, asked } = createCountingSource();
  expect(await (await createFetch(source)(server.origin)).text()).toBe('answer 1');
  expect(authorizationsOf(server.requests)).toEqual(['Bearer token-1', 'Bearer token-2']);
  expect(asked).toHaveLength(2);
});

it('rejects if the first token can not be obtained, if the source has a bug, or if the caller aborts', async () => {
  const server = await startServer(() => ({ status: 401 }));
  const none = createFetch(async () => {
    throw loginRequired;
  });
  expect(await rejectionOf(none(server.origin))).toBe(loginRequired);
  expect(server.requests).toEqual([]);
  const bug = new TypeError('a bug');
  await expect(createFetch(createSource(bug).source)(server.origin)).rejects.toBe(bug);
  const abort = new AbortController();
  const aborting: TokenSource = async (options) => {
    if (options?.rejected === undefined) return { access_token: 'only', token_type: 'Bearer' };
    abort.abort(loginRequired);
    throw new OAuthError('login_timeout', 'Too late.');
  };
  await expect(createFetch(aborting)(server.origin, { signal: abort.signal })).rejects.toBe(loginRequired);
});

it('sends the refused token again with the next streamed body if there is no other token, and asks again each time', async () => {
  const server = await startServer(() => ({ status: 401, body: 'no role' }));
  const { source, asked } = createSource(loginRequired);
  const events: string[] = [];
  const fetch = createFetch(source, { onEvent: ({ type }) => events.push(type) });
  for (let count = 0; count < 3; count += 1) {
    const response = await fetch(server.origin, {
      method: 'POST',
      body: new Blob(['streamed']).stream(),
      duplex: 'half',
    });
    expect([response.status, await response.text()]).toEqual([401, 'no role']);
  }
  expect(authorizationsOf(server.requests)).toEqual(['Bearer only', 'Bearer only', 'Bearer only']);
  expect(asked.map((options) => options?.rejected)).toEqual([undefined, 'only', undefined, 'only', undefined]);
  expect(events).toEqual(['not_replayed', 'not_renewed', 'not_replayed', 'not_renewed', 'not_replayed']);
});
