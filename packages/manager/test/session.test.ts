import { createHash } from 'node:crypto';
import type { Credentials } from '@oa/manager';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { expect, it, onTestFinished } from 'vitest';
import { managerAt, temporaryDirectory } from './setup.ts';

it('keeps the tokens of different clients, scopes, resources, audiences, parameters and profiles apart', async () => {
  const directory = temporaryDirectory();
  let issued = 0;
  const scripted = await startScriptedServer(() => ({
    json: { access_token: `token-${(issued += 1)}`, token_type: 'Bearer', expires_in: 3600 },
  }));
  onTestFinished(() => scripted.close());
  const target = { issuer: scripted.origin, token_endpoint: `${scripted.origin}/token` };
  const all: Credentials[] = [
    { client_id: 'a', client_secret: 'x' },
    { client_id: 'b', client_secret: 'x' },
    { client_id: 'a', client_secret: 'x', scope: 'one' },
    { client_id: 'a', client_secret: 'x', scope: 'one two' },
    { client_id: 'a', client_secret: 'x', resource: 'https://r' },
    { client_id: 'a', client_secret: 'x', audience: 'https://r' },
    { client_id: 'a', client_secret: 'x', profile: 'work' },
    { client_id: 'a', client_secret: 'x', parameters: { tenant: 't' } },
  ];
  const first = managerAt(directory).manager;
  const tokens: string[] = [];
  for (const credentials of all) tokens.push((await first.getToken(target, credentials)).access_token);
  expect(new Set(tokens).size).toBe(all.length);
  const second = managerAt(directory).manager;
  for (const [index, credentials] of all.entries())
    expect((await second.getToken(target, credentials)).access_token).toBe(tokens[index]);
  expect((await second.getToken(target, { client_id: 'a', client_secret: 'y', scope: 'two one' })).access_token).toBe(
    tokens[3],
  );
  expect(issued).toBe(all.length);
});

it('hands out the right token for many issuers, clients and scopes in one manager', async () => {
  const directory = temporaryDirectory();
  const name = (issuer: string, form: URLSearchParams): string =>
    createHash('sha256')
      .update(JSON.stringify([issuer, form.get('client_id'), form.get('scope')]))
      .digest('hex');
  const servers = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const scripted = await startScriptedServer();
      scripted.script(({ form }) => ({
        json: { access_token: name(scripted.origin, form), token_type: 'Bearer', expires_in: 3600 },
      }));
      onTestFinished(() => scripted.close());
      return scripted.origin;
    }),
  );
  const jobs = servers.flatMap((issuer) =>
    ['a', 'b', 'c'].flatMap((client_id) => ['x', 'y', 'x y'].map((scope) => ({ issuer, client_id, scope }))),
  );
  for (let round = 0; round < 2; round += 1) {
    const { manager } = managerAt(directory);
    await Promise.all(
      jobs.map(async ({ issuer, client_id, scope }) => {
        const credentials = { client_id, client_secret: 's', scope, token_endpoint_auth_method: 'client_secret_post' };
        const { access_token } = await manager.getToken({ issuer, token_endpoint: `${issuer}/token` }, credentials);
        expect(access_token).toBe(name(issuer, new URLSearchParams({ client_id, scope })));
      }),
    );
  }
});
