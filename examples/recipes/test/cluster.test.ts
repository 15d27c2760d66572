import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  startAuthorizationServer,
  startProtectedApi,
  type AuthorizationServerHandle,
  type ProtectedApi,
} from '@oa-internal/authorization-server';
import { temporaryDirectory, type TestProcess } from '@oa-internal/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { secretEnvironment, startRecipe } from './recipe.ts';

let home: string;
let server: AuthorizationServerHandle;
let api: ProtectedApi;
let recipe: TestProcess | undefined;
beforeEach(async () => {
  home = temporaryDirectory();
  server = await startAuthorizationServer();
  api = await startProtectedApi(server);
});
afterEach(async () => {
  recipe?.kill('SIGTERM');
  await recipe?.ended;
  recipe = undefined;
  await api.close();
  await server.close();
  rmSync(home, { recursive: true });
});

const environment = () => ({ ...secretEnvironment(server), OA_API: api.url, XDG_CACHE_HOME: home });

/** Sends requests at the same time, each on a connection of its own. */
const ask = (url: string, count: number) =>
  Promise.all(
    Array.from({ length: count }, async () => {
      const response = await fetch(url, { headers: { connection: 'close' } });
      return [response.status, await response.text()] as const;
    }),
  );

it('sends one token request for all workers of a cluster, and goes on without a killed one', async () => {
  recipe = startRecipe('cluster.ts', { ...environment(), PORT: '0', WEB_CONCURRENCY: '4' });
  const [, port] = await recipe.printed(/(?:[^]*listens on port (\d+)){4}/);
  const url = `http://127.0.0.1:${port}/`;
  const answers = await ask(url, 40);
  expect(answers.map(([status]) => status)).toEqual(Array.from({ length: 40 }, () => 200));
  const texts = new Set(answers.map(([, text]) => text));
  expect(texts).toEqual(new Set([1, 2, 3, 4].map((id) => `Worker ${id} got 200 from the API.\n`)));
  expect(server.count('/token')).toBe(1);

  // With an access token that the API refuses, one worker asks for another.
  server.dropAccessTokens();
  expect((await ask(url, 40)).map(([status]) => status)).toEqual(Array.from({ length: 40 }, () => 200));
  expect(server.count('/token')).toBe(2);

  const [, pid] = /Worker 1 is process (\d+)/.exec(recipe.output().stdout) ?? [];
  process.kill(Number(pid), 'SIGKILL');
  await recipe.printed('Worker 1 has ended.');
  const others = new Set((await ask(url, 40)).map(([, text]) => text));
  expect(others).toEqual(new Set([2, 3, 4].map((id) => `Worker ${id} got 200 from the API.\n`)));
  expect(server.count('/token')).toBe(2);

  await api.close();
  expect(new Set((await ask(url, 8)).map(String))).toEqual(new Set(['503,The API cannot be reached.\n']));
});

it('answers 503 where there is no token', async () => {
  recipe = startRecipe('cluster.ts', { ...environment(), PORT: '0', WEB_CONCURRENCY: '2' });
  const [, port] = await recipe.printed(/(?:[^]*listens on port (\d+)){2}/);
  await server.close();
  expect(new Set((await ask(`http://127.0.0.1:${port}/`, 8)).map(String))).toEqual(new Set(['503,network_error\n']));
  expect(api.requests).toEqual([]);
});

it('sends one token request for eight threads, and stores one token', async () => {
  const { code, stdout, stderr } = await startRecipe('threads.ts', environment()).ended;
  expect([code, stderr]).toEqual([0, '']);
  const lines = stdout.trim().split('\n');
  expect(lines.toSorted().map((line) => line.replace(/\d+\.$/, 'TIME.'))).toEqual(
    [1, 2, 3, 4, 5, 6, 7, 8].map((thread) => `Thread ${thread} has a token until TIME.`),
  );
  expect(new Set(lines.map((line) => line.slice(line.indexOf(' has '))))).toHaveLength(1);
  expect(server.count('/token')).toBe(1);
  expect(readdirSync(join(home, 'my-service', 'tokens')).filter((name) => name.endsWith('.json'))).toHaveLength(1);
});

it('ends with 1 where a thread gets no token', async () => {
  await server.close();
  const { code, stdout, stderr } = await startRecipe('threads.ts', environment()).ended;
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain(server.issuer);
});
