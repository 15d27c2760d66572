import type { RecordedRequest, Reply } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { createFetch } from '@oa/fetch';
import { expect, it } from 'vitest';
import { createDpopSource, nonceNeeded, verifyRequest } from './dpop-source.ts';
import { startServer } from './servers.ts';

/** Redirects `/from?status=...&to=...` as it says, and echoes other requests. */
const redirector = ({ url, path, method, body }: RecordedRequest): Reply => {
  const query = new URLSearchParams(url.split('?')[1]);
  if (path !== '/from') return { json: { method, body } };
  return { status: Number(query.get('status')), headers: { location: query.get('to') ?? '' } };
};

function fromUrl(origin: string, status: number, to: string): string {
  return `${origin}/from?${new URLSearchParams({ status: String(status), to }).toString()}`;
}

const call = async (): Promise<typeof fetch> => createFetch((await createDpopSource()).source);
const shapeOf = ({ method, body, headers }: RecordedRequest): unknown => [method, body, headers['content-type']];

it.each<[number, string, string, string]>([
  [301, 'GET', 'GET', ''],
  [301, 'POST', 'GET', ''],
  [302, 'POST', 'GET', ''],
  [302, 'post', 'GET', ''],
  [302, 'PUT', 'PUT', 'kept'],
  [303, 'PUT', 'GET', ''],
  [303, 'HEAD', 'HEAD', ''],
  [307, 'POST', 'POST', 'kept'],
  [308, 'PATCH', 'PATCH', 'kept'],
])(
  'follows a %i of a %s within the origin with a %s and a proof for its URL, as fetch does',
  async (status, method, _, kept) => {
    const server = await startServer(redirector);
    const body = method === 'GET' || method === 'HEAD' ? {} : { body: 'kept' };
    const send = await call();
    for (const input of ['a URL', 'a Request']) {
      server.requests.length = 0;
      const url = fromUrl(server.origin, status, '/to?page=2');
      const init = { method, ...body, headers: { 'x-more': '1' } };
      const response = await (input === 'a URL' ? send(url, init) : send(new Request(url, init)));
      const expected = await fetch(url, init);
      expect([response.status, response.redirected, response.url]).toEqual([200, true, expected.url]);
      const [, second, , theirs] = server.requests;
      expect(second?.body).toBe(kept);
      expect(second && shapeOf(second)).toEqual(theirs && shapeOf(theirs));
      expect(second?.headers['x-more']).toBe('1');
      const proofs = await Promise.all(server.requests.slice(0, 2).map((one) => verifyRequest(one, server.origin)));
      expect(proofs[0]?.jti).not.toBe(proofs[1]?.jti);
    }
  },
);

it('answers a nonce that is asked for after a redirect', async () => {
  const server = await startServer((request, index) => (index === 1 ? nonceNeeded('n') : redirector(request)));
  const send = await call();
  const response = await send(fromUrl(server.origin, 307, '/to'), { method: 'POST', body: 'kept' });
  expect(await response.json()).toEqual({ method: 'POST', body: 'kept' });
  expect(server.requests.map(({ path }) => path)).toEqual(['/from', '/to', '/to']);
});

it('follows a redirect to another origin as fetch does: without the token, and without the proof', async () => {
  const [server, other] = [await startServer(redirector), await startServer(redirector)];
  const send = await call();
  const to = fromUrl(other.origin, 302, '/end');
  const headers = { 'x-more': '1', cookie: 'a=b' };
  const response = await send(fromUrl(server.origin, 302, to), { headers });
  expect([response.status, response.redirected, response.url]).toEqual([200, true, `${other.origin}/end`]);
  expect(
    other.requests.map(({ path, headers: sent }) => [
      path,
      sent['x-more'],
      sent.authorization,
      sent['dpop'],
      sent.cookie,
    ]),
  ).toEqual([
    ['/from', '1', undefined, undefined, undefined],
    ['/end', '1', undefined, undefined, undefined],
  ]);
  const direct = await send(fromUrl(server.origin, 302, `${other.origin}/end`));
  expect([direct.redirected, other.requests.at(-1)?.headers['dpop']]).toEqual([true, undefined]);
  const back = await send(fromUrl(server.origin, 302, fromUrl(other.origin, 302, `${server.origin}/end`)));
  expect(back.status).toBe(200);
  expect(server.requests.at(-1)?.headers['dpop']).toBeUndefined();
});

it.each<[string, number, string, RequestInit | undefined]>([
  ['to another scheme', 302, 'data:,x', undefined],
  ['to no URL', 302, 'http://[', undefined],
  ['that would repeat a stream', 307, '/to', { method: 'POST', duplex: 'half' }],
  ['without end', 302, 'SELF', undefined],
])('refuses a redirect %s', async (_, status, to, init) => {
  const server = await startServer(redirector);
  const body = init === undefined ? {} : { ...init, body: new Blob(['x']).stream() };
  const url = to === 'SELF' ? `${server.origin}/loop` : fromUrl(server.origin, status, to);
  if (to === 'SELF') server.script(() => ({ status: 302, headers: { location: '/loop' } }));
  const error = await rejectionOf((await call())(url, body));
  expect(error).toMatchObject({
    code: 'redirect_refused',
    message: expect.stringContaining(`The redirect of ${server.origin} is not`),
  });
  expect(server.requests).toHaveLength(to === 'SELF' ? 21 : 1);
});

it('refuses a redirect that a browser hides, and learns nothing of one that was followed all the same', async () => {
  const { source } = await createDpopSource();
  const hidden = Object.defineProperty(Response.error(), 'type', { value: 'opaqueredirect' });
  const error = await rejectionOf(createFetch(source, { fetch: async () => hidden })('https://api.example/a'));
  expect(error).toMatchObject({
    code: 'redirect_refused',
    message: expect.stringContaining('A browser does not show'),
  });
  const proofs: string[] = [];
  const followed = async (_: unknown, init?: RequestInit): Promise<Response> => {
    proofs.push(String(new Headers(init?.headers).get('dpop')));
    return Object.defineProperty(new Response(null, { headers: { 'dpop-nonce': 'of-another' } }), 'redirected', {
      value: true,
    });
  };
  const send = createFetch(source, { fetch: followed });
  for (let count = 0; count < 2; count += 1) await send('https://followed.example/a');
  expect(atob(proofs[1]?.split('.')[1]?.replaceAll('-', '+').replaceAll('_', '/') ?? '')).not.toContain('of-another');
});

it('leaves a redirect to a caller that asks for it, or for an error', async () => {
  const server = await startServer(redirector);
  const send = await call();
  const url = fromUrl(server.origin, 302, '/to');
  expect((await send(url, { redirect: 'manual' })).status).toBe(302);
  expect((await send(new Request(url, { redirect: 'manual' }))).status).toBe(302);
  await expect(send(url, { redirect: 'error' })).rejects.toThrow(TypeError);
  server.script(() => ({ status: 304 }));
  expect((await send(url)).status).toBe(304);
});

it('ends a redirected request with the reason of its signal', async () => {
  const server = await startServer((request) => (request.path === '/to' ? { drop: 'never' } : redirector(request)));
  const send = await call();
  const url = fromUrl(server.origin, 302, '/to');
  for (const input of ['a URL', 'a Request']) {
    server.requests.length = 0;
    const controller = new AbortController();
    const { signal } = controller;
    const sent = input === 'a URL' ? send(url, { signal }) : send(new Request(url, { signal }));
    await expect.poll(() => server.requests.length, { timeout: 20_000 }).toBe(2);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(sent).rejects.toBe(reason);
  }
});
