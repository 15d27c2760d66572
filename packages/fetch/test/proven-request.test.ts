import type { RecordedRequest, Reply, ScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll } from '@oa-internal/testing';
import { createFetch } from '@oa/fetch';
import type { OAuthEvent, Token } from '@oa/types';
import { decodeJwt } from 'jose';
import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { createDpopSource, nonceNeeded, verifyRequest } from './dpop-source.ts';
import { authorizationsOf, startServer } from './servers.ts';

const nonceOf = ({ headers }: RecordedRequest): unknown => decodeJwt(String(headers['dpop']))['nonce'];
const verifyAll = async ({ requests, origin }: ScriptedServer): Promise<unknown[]> =>
  Promise.all(requests.map(async (request) => (await verifyRequest(request, origin)).jti));

it.each(['GET', 'post', 'PATCH', 'DELETE', 'QUERY'])('sends a %s with the token and a proof for it', async (method) => {
  const server = await startServer(() => ({ json: {} }));
  const call = createFetch((await createDpopSource()).source);
  const response = await call(`${server.origin}/a%2fb/%7ec?page=1#top`, { method });
  expect([response.status, response.redirected]).toEqual([200, false]);
  await verifyAll(server);
  expect(server.requests.map(({ url }) => url)).toEqual(['/a%2fb/%7ec?page=1']);
});

it('makes another proof for each request', async () => {
  const server = await startServer(() => ({}));
  const call = createFetch((await createDpopSource()).source);
  await Promise.all(Array.from({ length: 20 }, () => call(server.origin)));
  expect(new Set(await verifyAll(server)).size).toBe(20);
});

it.each<[string, string, (origin: string) => Parameters<typeof fetch>]>([
  ['a GET', '', (origin) => [origin]],
  ['a text', 'kept', (origin) => [origin, { method: 'POST', body: 'kept' }]],
  ['a Request', 'kept', (origin) => [new Request(origin, { method: 'POST', body: 'kept' })]],
])('answers use_dpop_nonce once for %s, and asks for no other token (RFC 9449 section 9)', async (_, body, given) => {
  const server = await startServer((request) =>
    nonceOf(request) === 'n1' ? { body: request.body } : nonceNeeded('n1'),
  );
  const { source, asked } = await createDpopSource();
  const call = createFetch(source);
  for (let count = 0; count < 2; count += 1) expect(await (await call(...given(server.origin))).text()).toBe(body);
  expect(server.requests.map(nonceOf)).toEqual([undefined, 'n1', 'n1']);
  expect(new Set(await verifyAll(server)).size).toBe(3);
  expect(asked).toEqual([{}, {}]);
});

it('keeps the nonce of each 200 for the next request to the origin (RFC 9449 section 8.2)', async () => {
  const server = await startServer((_, index) => ({ headers: { 'dpop-nonce': `n${index}` } }));
  const other = await startServer(() => ({}));
  const call = createFetch((await createDpopSource()).source, { origins: [server.origin, other.origin] });
  for (const url of ['/a', '/b', '/c']) await call(`${server.origin}${url}`);
  await call(other.origin);
  expect([...server.requests, ...other.requests].map(nonceOf)).toEqual([undefined, 'n0', 'n1', undefined]);
});

it.each<[string, (index: number) => Reply, number]>([
  ['a nonce with each refusal', (index) => nonceNeeded(`n${index}`), 2],
  ['no nonce', () => ({ status: 401, headers: { 'www-authenticate': 'DPoP error="use_dpop_nonce"' } }), 1],
  [
    'invalid_dpop_proof',
    () => ({ status: 401, headers: { 'www-authenticate': 'DPoP error="invalid_dpop_proof"' } }),
    1,
  ],
])('returns the answer of an API that has %s, and asks for no other token', async (_, reply, count) => {
  const server = await startServer((_request, index) => reply(index));
  const { source, asked } = await createDpopSource();
  const events: OAuthEvent[] = [];
  expect((await createFetch(source, { onEvent: (event) => events.push(event) })(server.origin)).status).toBe(401);
  expect(server.requests).toHaveLength(count);
  expect([asked, events]).toEqual([[{}], []]);
});

it('sends a stream once, and the next request has the nonce', async () => {
  const server = await startServer((request) => (nonceOf(request) === 'n1' ? {} : nonceNeeded('n1')));
  const events: OAuthEvent[] = [];
  const { source, asked } = await createDpopSource();
  const call = createFetch(source, { onEvent: (event) => events.push(event) });
  const body = new Blob(['once']).stream();
  const response = await call(server.origin, { method: 'POST', body, duplex: 'half' });
  expect([response.status, (await call(server.origin)).status]).toEqual([401, 200]);
  expect(server.requests.map(nonceOf)).toEqual([undefined, 'n1']);
  expect(events).toEqual([{ type: 'not_replayed', origin: server.origin }]);
  expect(asked).toEqual([{}, {}]);
});

it('sends a second proof by the clock of an API that is two hours ahead', async () => {
  const ahead = 7_200_000;
  const server = await startServer((request) => {
    const difference = Number(decodeJwt(String(request.headers['dpop'])).iat) * 1000 - Date.now() - ahead;
    const headers = { date: new Date(Date.now() + ahead).toUTCString() };
    if (Math.abs(difference) < 60_000) return { headers };
    return { status: 401, headers: { ...headers, 'www-authenticate': 'DPoP error="invalid_dpop_proof"' } };
  });
  const call = createFetch((await createDpopSource()).source);
  expect([(await call(server.origin)).status, (await call(server.origin)).status]).toEqual([200, 200]);
  expect(server.requests).toHaveLength(3);
});

it('sends another token, with a proof for it, after invalid_token: four requests at most', async () => {
  const server = await startServer((request, index) => {
    if (nonceOf(request) !== `n${index - 1}`) return nonceNeeded(`n${index}`);
    const refused = { status: 401, headers: { 'www-authenticate': 'DPoP error="invalid_token"' } };
    return request.headers.authorization === 'DPoP token-1' ? refused : { body: request.body };
  });
  const { source, asked } = await createDpopSource();
  const response = await createFetch(source)(new Request(server.origin, { method: 'POST', body: 'kept' }));
  expect(await response.text()).toBe('kept');
  await verifyAll(server);
  const tokens = ['DPoP token-1', 'DPoP token-1', 'DPoP token-2', 'DPoP token-2'];
  expect(authorizationsOf(server.requests)).toEqual(tokens);
  expect(asked).toEqual([{}, { rejected: 'token-1', challenge: 'DPoP error="invalid_token"' }]);
});

it('uses the key of each token, and sends Bearer tokens between them', async () => {
  const server = await startServer(() => ({}));
  const [one, two] = [await createDpopSource(), await createDpopSource()];
  const bearer = async (): Promise<Token> => ({ access_token: 'plain', token_type: 'Bearer', dpop_key: one.key });
  const order = [one.source, two.source, bearer, one.source];
  const call = createFetch(async () => (order.shift() ?? bearer)());
  for (let count = 0; count < 4; count += 1) await call(server.origin);
  const [first, second, plain, last] = server.requests;
  const keyOf = (request: RecordedRequest | undefined): unknown =>
    JSON.parse(atob(String(request?.headers['dpop']).split('.')[0] ?? '')).jwk.x;
  expect([keyOf(first), keyOf(second), keyOf(last)]).toEqual([one.key.x, two.key.x, one.key.x]);
  expect([plain?.headers.authorization, plain?.headers['dpop']]).toEqual(['Bearer plain', undefined]);
});

it('shows neither key nor proof nor token in itself, in an event or in an error', async () => {
  const server = await startServer((_request, index) =>
    index === 0 ? nonceNeeded('n') : { status: 302, headers: { location: 'data:,x' } },
  );
  const { source, key } = await createDpopSource();
  const events: OAuthEvent[] = [];
  const call = createFetch(source, { onEvent: (event) => events.push(event) });
  const error: unknown = await call(server.origin).catch((thrown: unknown) => thrown);
  const damaged = createFetch(async () => ({
    access_token: 'token-1',
    token_type: 'DPoP',
    dpop_key: { ...key, x: 'no' },
  }));
  const failure: unknown = await damaged(server.origin).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'redirect_refused' });
  expect(failure).toMatchObject({ code: 'invalid_response' });
  const all = [inspect([call, events], { depth: 10, showHidden: true }), inspectAll(error), inspectAll(failure)].join();
  const proofs = server.requests.flatMap(({ headers }) => String(headers['dpop']).split('.'));
  expect(proofs).toHaveLength(6);
  for (const secret of [key.d, key.x, 'token-1', ...proofs]) expect(all).not.toContain(secret);
});
