import { startScriptedServer, type RecordedRequest, type Reply } from '@oa-internal/scripted-server';
import type { TokenSource } from '@oa/types';
import ky from 'ky';
import createClient from 'openapi-fetch';
import { expect, it } from 'vitest';
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
  if (request.headers.authorization !== 'Bearer new') return { status: 401, body: 'refused' };
  return { json: { id: request.path.split('/')[2], sent: request.body } };
}

it('serves openapi-fetch: a GET and a POST are sent a second time after their 401', async () => {
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

it("serves ky: a GET and a POST are sent a second time after their 401, within ky's own retries and timeout", async () => {
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
