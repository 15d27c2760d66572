import { expect, it } from 'vitest';
import { createFetch } from '@oa/fetch';
import { createCountingSource, refuseTokens, startServer } from './servers.ts';

it.each<[string, () => NonNullable<RequestInit['body']>, RegExp]>([
  ['string', () => 'body text', /^body text$/],
  ['URLSearchParams', () => new URLSearchParams({ a: 'b c' }), /^a=b\+c$/],
  ['bytes', () => new TextEncoder().encode('bytes'), /^bytes$/],
  ['ArrayBuffer', () => new TextEncoder().encode('buffer').buffer, /^buffer$/],
  ['Blob', () => new Blob(['blob']), /^blob$/],
  [
    'FormData',
    () => {
      const form = new FormData();
      form.set('field', 'value');
      return form;
    },
    /name="field"\s+value/,
  ],
])('sends a %s body a second time', async (_name, body, expected) => {
  const server = await startServer(refuseTokens(['token-1']));
  const response = await createFetch(createCountingSource().source)(server.origin, { method: 'POST', body: body() });
  expect(response.status).toBe(200);
  expect(server.requests).toHaveLength(2);
  for (const request of server.requests) expect(request.body).toMatch(expected);
});

it('sends the body of a Request a second time, with its length', async () => {
  const server = await startServer(refuseTokens(['token-1']));
  const request = new Request(server.origin, { method: 'POST', body: 'x'.repeat(300_000) });
  const response = await createFetch(createCountingSource().source)(request);
  expect(((await response.json()) as { body: string }).body).toHaveLength(300_000);
  expect(server.requests.map((one) => one.headers['content-length'])).toEqual(['300000', '300000']);
  expect(request.bodyUsed).toBe(true);
});

it('rejects with the error of the source, and releases the body of the Request', async () => {
  const server = await startServer(() => ({ status: 401 }));
  const failure = new Error('no token');
  const request = new Request(server.origin, { method: 'POST', body: 'x' });
  const fetch = createFetch(async (options) => {
    if (options?.rejected !== undefined) throw failure;
    return { access_token: 'a', token_type: 'Bearer' };
  });
  await expect(fetch(request)).rejects.toBe(failure);
  expect(request.bodyUsed).toBe(true);
  expect(server.requests).toHaveLength(1);
});

it('rejects once, without an unhandled rejection, if the body fails while it is sent', async () => {
  const server = await startServer(() => ({}));
  const body = new ReadableStream({
    pull() {
      throw new Error('disk gone');
    },
    cancel() {
      throw new Error('cancelled too late');
    },
  });
  const request = new Request(server.origin, { method: 'POST', body, duplex: 'half' });
  await expect(createFetch(createCountingSource().source)(request)).rejects.toThrow('fetch failed');
});
