// A job with a wrong secret must not make jobs with the right one fail.
import { createSandbox, type GetTask } from '@oa-internal/scenarios';
import { startScriptedServer, type Reply, type ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { createManager } from '@oa/manager';
import { fileTokenCache } from '@oa/token-cache';
import type { OAuthEvent, Token } from '@oa/types';
import { describe, expect, it } from 'vitest';

/** A token endpoint that knows the secret `right`. It answers the first request when `ready` resolves. */
async function startStrictServer(ready: Promise<unknown>): Promise<ScriptedServer> {
  return startScriptedServer(async ({ headers, form }): Promise<Reply> => {
    await ready;
    const basic = Buffer.from(headers.authorization?.split(' ')[1] ?? '', 'base64').toString();
    const right = basic.endsWith(':right') || form.get('client_secret') === 'right';
    if (!right) return { status: 401, json: { error: 'invalid_client' } };
    return { json: { access_token: 'at', token_type: 'Bearer', expires_in: 3600 } };
  });
}

it('of two processes at the same moment the one with the wrong secret fails, and the other gets its token', async () => {
  const waiting = Promise.withResolvers<void>();
  await using as = await startStrictServer(waiting.promise);
  using sandbox = createSandbox();
  sandbox.release();
  const task: GetTask = { endpoint: `${as.origin}/token`, grant: 'client_credentials' };
  const wrong = sandbox.start({ ...task, secret: 'wrong' });
  await expect.poll(() => as.requests.length, { timeout: 20_000 }).toBeGreaterThan(0);
  const right = sandbox.start({ ...task, secret: 'right' });
  await right.printed('waiting');
  waiting.resolve();
  expect((await right.ended).stdout).toContain('token at');
  expect((await wrong.ended).stdout).toContain('error oauth_error');
});

describe('of two calls of one manager the one with the wrong secret fails, and the other gets its token', () => {
  const stores = {
    'with files': (directory: string) => fileTokenCache({ directory }),
    'with a Map': () => new Map<string, Token>(),
  };
  it.for(Object.entries(stores))('%s', async ([, createStore]) => {
    const ready = Promise.withResolvers<void>();
    await using as = await startStrictServer(ready.promise);
    using sandbox = createSandbox();
    const events: OAuthEvent[] = [];
    const manager = createManager({
      cache: createStore(sandbox.directory),
      interaction: 'never',
      onEvent: (event) => events.push(event),
    });
    const server = { issuer: sandbox.issuer, token_endpoint: `${as.origin}/token` };
    const ask = (client_secret: string): Promise<Token> =>
      manager.getToken(server, { client_id: sandbox.client_id, client_secret });
    const wrong = [rejectionOf(ask('wrong')), rejectionOf(ask('wrong'))];
    await expect.poll(() => as.requests.length, { timeout: 20_000 }).toBeGreaterThan(0);
    const right = ask('right');
    ready.resolve();
    expect(await right).toMatchObject({ access_token: 'at' });
    for (const failure of wrong) expect(await failure).toMatchObject({ error: 'invalid_client' });
    const wrongRequests = as.requests.length - 1;
    // Calls with the same secret share one attempt, with each of the two ways to send a secret.
    expect(wrongRequests).toBeLessThanOrEqual(2);
  });
});
