import { startAuthorizationServer, startProtectedApi } from '@oa-internal/authorization-server';
import { startScriptedServer, type RecordedRequest, type Reply } from '@oa-internal/scripted-server';
import type { Token, TokenSource } from '@oa/types';
import ky from 'ky';
import createClient from 'openapi-fetch';
import { expect, test } from 'vitest';
import { createFetch } from '@oa/fetch';

interface Paths {
  '/things/{id}': {
    get: {
      parameters: { path: { id: string }; query?: { page?: number } };
      responses: { 200: { content: { 'application/json': { id: string } } } };
    };
    post: {
      parameters: { path: { id: string } };
      requestBody: { content: { 'application/json': { name: string } } };
      responses: { 200: { content: { 'application/json': { id: string } } } };
    };
  };
}

const source: TokenSource = async (options) => ({
  access_token: options?.rejected === undefined ? 'old' : 'new',
  token_type: 'Bearer',
});

function api(request: RecordedRequest): Reply {
  if (request.headers.authorization !== 'Bearer new') return { status: 401, body: 'who are you?' };
  return { json: { id: request.path.split('/')[2], sent: request.body } };
}

test('openapi-fetch: GET and POST, each sent once more after its 401', async () => {
  await using server = await startScriptedServer(api);
  const client = createClient<Paths>({ baseUrl: server.origin, fetch: createFetch(source) });
  const got = await client.GET('/things/{id}', { params: { path: { id: '7' }, query: { page: 2 } } });
  expect(got.data).toEqual({ id: '7', sent: '' });
  const posted = await client.POST('/things/{id}', { params: { path: { id: '8' } }, body: { name: 'n' } });
  expect(posted.data).toEqual({ id: '8', sent: '{"name":"n"}' });
  expect(server.requests.map((request) => [request.method, request.url, request.headers.authorization])).toEqual([
    ['GET', '/things/7?page=2', 'Bearer old'],
    ['GET', '/things/7?page=2', 'Bearer new'],
    ['POST', '/things/8', 'Bearer old'],
    ['POST', '/things/8', 'Bearer new'],
  ]);
  expect(server.requests[3]?.headers['content-length']).toBe('12');
});

test("ky: GET and POST, each sent once more after its 401, under ky's own retries and timeout", async () => {
  let down = 1;
  await using server = await startScriptedServer((request) => {
    if (request.headers.authorization === 'Bearer new' && down > 0) {
      down -= 1;
      return { status: 503 };
    }
    return api(request);
  });
  const client = ky.create({ prefix: server.origin, fetch: createFetch(source), retry: { delay: () => 1 } });
  expect(await client.get('things/7').json()).toEqual({ id: '7', sent: '' });
  expect(server.requests.map((request) => request.headers.authorization)).toEqual([
    'Bearer old',
    'Bearer new',
    'Bearer old',
    'Bearer new',
  ]);
  expect(await client.post('things/8', { json: { name: 'n' } }).json()).toEqual({ id: '8', sent: '{"name":"n"}' });
  expect(server.requests).toHaveLength(6);
});

test('a real server: its token opens a real API, and one that the API refuses is replaced', async () => {
  await using server = await startAuthorizationServer();
  await using protectedApi = await startProtectedApi(server);
  const obtain: TokenSource = async (options) => {
    if (options?.rejected === undefined) return { access_token: 'stale', token_type: 'Bearer' };
    const response = await fetch(`${server.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        resource: protectedApi.url,
        client_id: server.confidential.client_id,
        client_secret: server.confidential.client_secret,
      }),
    });
    return (await response.json()) as Token;
  };
  const response = await createFetch(obtain)(protectedApi.url);
  expect(await response.json()).toMatchObject({ hello: server.confidential.client_id });
  expect(protectedApi.requests.map((request) => request.status)).toEqual([401, 200]);
  expect(server.count('/token', 'client_credentials')).toBe(1);
});
