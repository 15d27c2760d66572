import { once } from 'node:events';
import { createServer, request as startRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { rmSync } from 'node:fs';
import {
  startAuthorizationServer,
  startProtectedApi,
  type AuthorizationServerHandle,
  type ProtectedApi,
} from '@oa-internal/authorization-server';
import { temporaryDirectory, type TestProcess } from '@oa-internal/testing';
import { closeServer, listen } from '@oa-internal/testing/server';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startRecipe } from './recipe.ts';

let home: string;
let servers: { orders: AuthorizationServerHandle; stock: AuthorizationServerHandle };
let apis: { orders: ProtectedApi; stock: ProtectedApi };
let service: TestProcess | undefined;
beforeEach(async () => {
  home = temporaryDirectory();
  servers = { orders: await startAuthorizationServer(), stock: await startAuthorizationServer() };
  apis = { orders: await startProtectedApi(servers.orders), stock: await startProtectedApi(servers.stock) };
});
afterEach(async () => {
  service?.kill('SIGTERM');
  await service?.ended;
  service = undefined;
  for (const each of [...Object.values(apis), ...Object.values(servers)]) await each.close();
  rmSync(home, { recursive: true });
});

/** Starts the service, and resolves to the address of its page. */
async function start(more: NodeJS.ProcessEnv = {}): Promise<string> {
  const environmentOf = (name: 'orders' | 'stock') => {
    const { issuer, confidential } = servers[name];
    const prefix = name.toUpperCase();
    return {
      [`${prefix}_ISSUER`]: issuer,
      [`${prefix}_CLIENT_ID`]: confidential.client_id,
      [`${prefix}_CLIENT_SECRET`]: confidential.client_secret,
      [`${prefix}_API`]: apis[name].url,
    };
  };
  const env = { ...environmentOf('orders'), ...environmentOf('stock'), PORT: '0', XDG_CACHE_HOME: home, ...more };
  service = startRecipe('express.ts', env);
  const [, port] = await service.printed(/port: (\d+)/);
  return `http://127.0.0.1:${port}/overview`;
}

it('sends one token request to each issuer for 50 requests at the same time, and each token to its own API', async () => {
  const url = await start();
  const answers = await Promise.all(Array.from({ length: 50 }, async () => (await fetch(url)).json()));
  const answer = { hello: 'oa-confidential', scope: 'read' };
  expect(new Set(answers.map((each) => JSON.stringify(each)))).toEqual(
    new Set([JSON.stringify({ orders: answer, stock: answer })]),
  );
  for (const name of ['orders', 'stock'] as const) {
    expect(servers[name].count('/token')).toBe(1);
    expect(apis[name].requests.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200));
  }
});

it('answers 503 with the error code where one of the issuers is away', async () => {
  const url = await start();
  await servers.stock.close();
  const response = await fetch(url);
  expect([response.status, await response.json()]).toEqual([503, { error: 'network_error' }]);
  expect(servers.orders.count('/token')).toBe(1);
  expect(apis.stock.requests).toEqual([]);
});

it('ends the calls of a caller that leaves, and answers the others', async () => {
  const pending: [IncomingMessage, ServerResponse][] = [];
  const arrived: (() => void)[] = [];
  const slow = createServer((request, response) => {
    pending.push([request, response]);
    arrived.shift()?.();
  });
  const origin = await listen(slow);
  const nextRequest = () => new Promise<void>((resolve) => arrived.push(resolve));
  const url = await start({ STOCK_API: origin });

  let next = nextRequest();
  const leaving = startRequest(url);
  leaving.on('error', () => undefined);
  leaving.end();
  await next;
  const closed = once(pending[0]?.[1] ?? slow, 'close');
  leaving.destroy();
  await closed;
  expect(pending[0]?.[1].writableFinished).toBe(false);

  next = nextRequest();
  const staying = fetch(url);
  await next;
  pending[1]?.[1].end('{}');
  expect((await staying).status).toBe(200);
  expect(servers.stock.count('/token')).toBe(1);
  expect(service?.output().stderr).toBe('');
  await closeServer(slow);
});
