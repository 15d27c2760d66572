import type { Credentials, ManagerOptions, Target } from '@oa/manager';
import type { Result, Token } from '@oa/types';
import type { Reply, ScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { agreeingBrowser, bearer, managerAt, startScripted, temporaryDirectory } from './setup.ts';

const initialAccessToken = 's3cret-token';

/** A server that answers a registration with `reply`, and a resource that names it. */
async function startServer(reply: Reply): Promise<{ server: ScriptedServer; issuer: string; resource: string }> {
  const { server, metadata } = await startScripted();
  const resource = `${server.origin}/api`;
  server.script({
    '/.well-known/oauth-authorization-server': { json: metadata },
    '/.well-known/oauth-protected-resource/api': { json: { resource, authorization_servers: [metadata.issuer] } },
    '/api': { status: 401 },
    '/register': reply,
    '/token': bearer('a'),
  });
  return { server, issuer: metadata.issuer, resource };
}

async function logIn(
  target: Target,
  options: ManagerOptions = {},
  credentials: Credentials = {},
): Promise<Result<Token>> {
  const { openBrowser, urls } = agreeingBrowser();
  const { manager } = managerAt(temporaryDirectory(), { ...options, login: { openBrowser } });
  const result = await manager.get(target, credentials);
  expect(urls).toHaveLength(result.ok ? 1 : 0);
  return result;
}

const authorizationOf = ({ server }: { server: ScriptedServer }): (string | undefined)[] =>
  server.requestsTo('/register').map(({ headers }) => headers.authorization);

it.each<[Reply, RegExp]>([
  [
    { status: 401, json: { error: 'invalid_token', error_description: 'No token.' } },
    /status 401, invalid_token, No token\)/,
  ],
  [{ status: 401 }, /status 401\)/],
  [{ status: 403, json: { error: 'access_denied' } }, /status 403, access_denied\)/],
  [{ status: 403, headers: { 'content-type': 'text/html' }, body: '<p>Forbidden' }, /status 403\)/],
])('names three ways out where the registration endpoint answers %j, before a browser opens', async (reply, answer) => {
  const started = await startServer(reply);
  const result = await logIn(started.issuer);
  expect(result).toMatchObject({ ok: false, error: { code: 'client_required', status: reply.status } });
  const message = result.ok ? '' : result.error.message;
  expect(message).toMatch(answer);
  expect(message).toMatch(/three ways out: .*pass its client_id; set clientMetadata, .*; or set initialAccessToken/);
  expect(started.server.requestsTo('/register')).toHaveLength(1);
});

it.each<Reply>([
  { status: 404 },
  { status: 404, json: { error: 'not_found' } },
  { status: 405 },
  { status: 405, json: { error: 'invalid_request' } },
  { status: 410, headers: { 'content-type': 'text/html' }, body: '<p>Gone' },
  { status: 501 },
  { status: 501, json: { error: 'not_implemented' } },
])('says that the server registers no programs where the registration endpoint answers %j', async (reply) => {
  const started = await startServer(reply);
  const result = await logIn(started.issuer);
  const message = expect.stringMatching(/does not register clients dynamically.*three ways out: .*RFC 7591/);
  expect(result).toMatchObject({ ok: false, error: { code: 'client_required', message } });
  expect(started.server.requestsTo('/register')).toHaveLength(1);
});

it('says that the endpoint is a guess where a guessed one answers 405', async () => {
  const { server } = await startScripted();
  server.script({ '/register': { status: 405 } });
  const message = expect.stringMatching(/conventional endpoints are guessed\. .*does not register clients dynamically/);
  expect(await logIn(server.origin)).toMatchObject({ ok: false, error: { code: 'client_required', message } });
});

it.each([400, 500])(
  'does not take a %i of the registration endpoint for an answer about all programs',
  async (status) => {
    const started = await startServer({ status });
    expect(await logIn(started.issuer)).toMatchObject({ ok: false, error: { code: 'http_error', status } });
  },
);

it('sends the initial access token with a registration at an issuer that the caller names (RFC 7591 section 3)', async () => {
  const started = await startServer({ status: 201, json: { client_id: 'registered' } });
  expect(await logIn(started.issuer, { initialAccessToken })).toMatchObject({ ok: true });
  const { issuer, resource } = started;
  expect(await logIn({ resource, issuer }, { initialAccessToken })).toMatchObject({ ok: true });
  expect(authorizationOf(started)).toEqual(Array.from({ length: 2 }, () => `Bearer ${initialAccessToken}`));
});

it('does not send the initial access token to an issuer that only a resource names, and says so after a refusal', async () => {
  const started = await startServer({ status: 401, json: { error: 'invalid_token' } });
  const result = await logIn({ resource: started.resource }, { initialAccessToken });
  const message = expect.stringMatching(/pass \{ resource, issuer \} as the target: initialAccessToken is not sent/);
  expect(result).toMatchObject({ ok: false, error: { code: 'client_required', message } });
  expect(authorizationOf(started)).toEqual([undefined]);
});

it('asks for another initial access token where the server refuses this one, and does not show it', async () => {
  const started = await startServer({
    status: 401,
    json: { error: 'invalid_token', error_description: `The token ${initialAccessToken} has expired` },
  });
  const result = await logIn(started.issuer, { initialAccessToken });
  const message = expect.stringMatching(/ask the server operator for another initialAccessToken: .* status 401/);
  expect(result).toMatchObject({ ok: false, error: { code: 'client_required', message } });
  expect(inspectAll(result)).not.toContain(initialAccessToken);
});
