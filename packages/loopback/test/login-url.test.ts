import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { startScriptedServer, type Reply, type ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import type { AuthorizationServer, Client } from '@oa/types';
import { expect, it, onTestFinished } from 'vitest';
import type { LoginOptions } from '@oa/loopback';
import { client, followCallback, metadata, startLogin, type StartedLogin } from './help.ts';

const accepted: Reply = { status: 201, json: { request_uri: 'urn:example:reference', expires_in: 60 } };

/** A server that answers a pushed request with `reply`, and grants a token. */
async function startPushServer(reply: Reply): Promise<ScriptedServer> {
  const scripted = await startScriptedServer({
    '/par': reply,
    '/token': { json: { access_token: 'secret-access-token', token_type: 'Bearer', expires_in: 60 } },
  });
  onTestFinished(() => scripted.close());
  return scripted;
}

function pushable({ origin }: { origin: string }, more: Partial<AuthorizationServer> = {}): AuthorizationServer {
  return metadata({ origin }, { pushed_authorization_request_endpoint: `${origin}/par`, ...more });
}

/** Agrees as the user of a server that knows the pushed parameters. */
async function agree({ waiting }: StartedLogin, scripted: ScriptedServer): Promise<void> {
  const { redirect_uri, url } = await waiting;
  const pushed = scripted.requestsTo('/par').at(-1)?.form.get('state');
  const state = new URL(url).searchParams.get('state') ?? pushed ?? '';
  await followCallback(new URL(`${redirect_uri}?${String(new URLSearchParams({ state, code: 'c' }))}`));
}

it.each(['offered', 'required'] as const)(
  'logs in with a pushed request at a real server where it is %s (RFC 9126)',
  async (pushedRequests) => {
    await using real = await startAuthorizationServer({ pushedRequests });
    const server = pushable({ origin: real.issuer }, { authorization_response_iss_parameter_supported: true });
    const started = startLogin(
      server,
      { scope: 'openid read', resource: real.resource },
      { client: real.public, openBrowser: async (url) => expect((await real.logIn(url)).status).toBe(200) },
    );
    expect(await real.introspect((await started.token).access_token)).toMatchObject({ sub: 'ada', scope: 'read' });
    const { url } = await started.waiting;
    expect([...new URL(url).searchParams.keys()].toSorted()).toEqual(['client_id', 'request_uri']);
    expect(real.count('/par')).toBe(1);
    expect(real.count('/token')).toBe(1);
  },
);

it.each<[string, LoginOptions['par'], Partial<AuthorizationServer>, Client, number]>([
  ['auto', undefined, {}, client, 1],
  [
    'auto, at a server without the endpoint',
    'auto',
    { pushed_authorization_request_endpoint: undefined } as never,
    client,
    0,
  ],
  [
    'auto, at a server with null as the endpoint',
    'auto',
    { pushed_authorization_request_endpoint: null } as never,
    client,
    0,
  ],
  ['require', 'require', {}, client, 1],
  ['never', 'never', {}, client, 0],
  [
    'never, at a server that accepts no other logins',
    'never',
    { require_pushed_authorization_requests: true },
    client,
    1,
  ],
  [
    'never, for a client that may use no others',
    'never',
    {},
    { ...client, require_pushed_authorization_requests: true },
    1,
  ],
])('pushes with par %s as often as it should (RFC 9126 sections 5 and 6)', async (_, par, more, registered, pushes) => {
  const scripted = await startPushServer(accepted);
  const started = startLogin(pushable(scripted, more), { scope: 'read' }, { par, client: registered });
  const { searchParams } = new URL((await started.waiting).url);
  expect(searchParams.get('request_uri')).toBe(pushes === 0 ? null : 'urn:example:reference');
  expect(searchParams.get('scope')).toBe(pushes === 0 ? 'read' : null);
  await agree(started, scripted);
  await started.token;
  expect(scripted.requestsTo('/par')).toHaveLength(pushes);
});

it.each([404, 405])(
  'sends the plain request after a %i under auto, and with require ends the login',
  async (status) => {
    const scripted = await startPushServer({ status });
    const started = startLogin(pushable(scripted), { scope: 'read' });
    expect(new URL((await started.waiting).url).searchParams.get('scope')).toBe('read');
    await agree(started, scripted);
    await started.token;
    for (const [par, more] of [
      ['require', {}],
      ['auto', { require_pushed_authorization_requests: true }],
    ] as const) {
      const { token, events } = startLogin(pushable(scripted, more), {}, { par });
      expect(await rejectionOf(token)).toMatchObject({ code: 'http_error', status });
      expect(events).toEqual([]);
    }
  },
);

it.each<[string, Reply, object]>([
  ['a refusal', { status: 400, json: { error: 'invalid_scope' } }, { code: 'oauth_error', error: 'invalid_scope' }],
  [
    'a forgotten client',
    { status: 401, json: { error: 'invalid_client' } },
    { code: 'oauth_error', error: 'invalid_client' },
  ],
  ['a 403', { status: 403 }, { code: 'http_error', status: 403 }],
  ['an answer without a reference', { json: {} }, { code: 'invalid_response' }],
])(
  'ends the login with the error of the server after %s, before a browser opens (RFC 9126 section 2.3)',
  async (_, reply, error) => {
    const scripted = await startPushServer(reply);
    const opened: string[] = [];
    const { token, events } = startLogin(pushable(scripted), {}, { openBrowser: (url) => opened.push(url) });
    expect(await rejectionOf(token)).toMatchObject(error);
    expect(opened).toEqual([]);
    expect(events).toEqual([]);
  },
);

it('refuses require at a server without the endpoint', async () => {
  const { token } = startLogin(metadata({ origin: 'http://127.0.0.1:1' }), {}, { par: 'require' });
  expect(await rejectionOf(token)).toMatchObject({ code: 'endpoint_missing' });
});

it.each([
  [['plain'], undefined],
  [undefined, true],
])(
  'refuses a server with the PKCE methods %j before anything listens (requirePkce: %s)',
  async (methods, requirePkce) => {
    const server = {
      ...metadata({ origin: 'http://127.0.0.1:1' }),
      code_challenge_methods_supported: methods,
    } as AuthorizationServer;
    const opened: string[] = [];
    // Nothing can listen for this client.
    const elsewhere = { ...client, redirect_uris: ['https://app.example/'] };
    const options = { requirePkce, client: elsewhere, openBrowser: (url: string) => opened.push(url) };
    const { token, events } = startLogin(server, {}, options);
    expect(await rejectionOf(token)).toMatchObject({ code: 'pkce_unsupported' });
    expect(opened).toEqual([]);
    expect(events).toEqual([]);
  },
);

it.each<[string, LoginOptions]>([
  ['requestTimeout', { requestTimeout: 300 }],
  ['timeout', { timeout: 300 }],
  ['the shorter one', { timeout: 300, requestTimeout: 60_000 }],
])('ends a pushed request without an answer after %s', async (_, options) => {
  const scripted = await startPushServer({ drop: 'never' });
  const { token, events } = startLogin(pushable(scripted), {}, options);
  expect(await rejectionOf(token)).toMatchObject({
    code: 'timeout',
    message: expect.stringContaining('within 0.3 seconds'),
  });
  expect(events).toEqual([]);
});

it('ends a token request without an answer after requestTimeout, not after the timeout of the user', async () => {
  const scripted = await startPushServer(accepted);
  scripted.script({ '/par': accepted, '/token': { drop: 'never' } });
  const started = startLogin(pushable(scripted), {}, { timeout: 60_000, requestTimeout: 300 });
  await agree(started, scripted);
  expect(await rejectionOf(started.token)).toMatchObject({
    code: 'timeout',
    message: expect.stringContaining('within 0.3 seconds'),
  });
});
