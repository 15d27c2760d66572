import {
  type RecordedRequest,
  type Reply,
  type ScriptedServer,
  startScriptedServer,
} from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import type { AuthorizationServer, Client, OAuthEvent } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { authenticateClient, requestToken } from '@oa/token-endpoint';

const token = { access_token: 'at', token_type: 'Bearer' };
const grant = { grant_type: 'client_credentials' };
const ODD = 's+é&=%/~: x';

let issuers = 0;
/** Each test has an issuer of its own: what was learned of one stays for the process. */
function metadata(server: ScriptedServer, methods?: string[]): AuthorizationServer {
  issuers += 1;
  return {
    issuer: `https://as.example/${issuers}`,
    token_endpoint: `${server.origin}/token`,
    ...(methods === undefined ? {} : { token_endpoint_auth_methods_supported: methods }),
  };
}

/** What a server reads from `Authorization: Basic`. */
function basic({ headers }: RecordedRequest, decode: (text: string) => string): string[] | undefined {
  const encoded = /^Basic (.*)$/.exec(headers.authorization ?? '')?.[1];
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString().split(/:(.*)/s, 2).map(decode);
}
const formDecode = (text: string): string => new URLSearchParams(`=${text}`).get('') ?? '';

function methodOf(request: RecordedRequest | undefined): string {
  if (request === undefined) return 'nothing';
  const inHeader = request.headers.authorization !== undefined;
  const inBody = request.form.has('client_secret');
  if (inHeader) return inBody || request.form.has('client_id') ? 'both' : 'basic';
  return inBody ? 'post' : request.form.has('client_id') ? 'none' : 'nothing';
}

describe('Basic', () => {
  it.each(['simple', 'se:c+r e/t%', ODD, '~!*()\'"', '%41'])(
    'C1: the secret %j is form-urlencoded first',
    async (secret) => {
      await using server = await startScriptedServer(() => ({ json: token }));
      await requestToken(metadata(server), { client_id: 'a b:é', client_secret: secret }, grant);
      const [sent] = server.requests;
      expect(sent && basic(sent, formDecode)).toEqual(['a b:é', secret]);
      expect(sent?.headers.authorization).toMatch(/^Basic [\w+/]+=*$/);
    },
  );

  it('C1: exactly as RFC 6749 appendix B encodes', async () => {
    await using server = await startScriptedServer(() => ({ json: token }));
    await requestToken(metadata(server), { client_id: 'c', client_secret: ODD }, grant);
    const [sent] = server.requests;
    expect(sent && basic(sent, (text) => text)).toEqual(['c', 's%2B%C3%A9%26%3D%25%2F%7E%3A+x']);
  });
});

describe('the choice of the method', () => {
  it.each<[string[] | undefined, Partial<Client>, string | undefined, string]>([
    [undefined, { client_secret: 's' }, undefined, 'basic'],
    [[], { client_secret: 's' }, undefined, 'basic'],
    [['client_secret_basic', 'client_secret_post'], { client_secret: 's' }, undefined, 'basic'],
    [['client_secret_post', 'client_secret_basic'], { client_secret: 's' }, undefined, 'basic'],
    [['client_secret_post', 'private_key_jwt'], { client_secret: 's' }, undefined, 'post'],
    [['none'], { client_secret: 's' }, undefined, 'none'],
    [undefined, {}, undefined, 'none'],
    [['client_secret_basic'], {}, undefined, 'none'],
    [['client_secret_basic'], { client_secret: '' }, undefined, 'none'],
    [
      ['client_secret_basic'],
      { client_secret: 's', token_endpoint_auth_method: 'client_secret_post' },
      undefined,
      'post',
    ],
    [
      ['client_secret_post'],
      { client_secret: 's', token_endpoint_auth_method: 'client_secret_basic' },
      undefined,
      'basic',
    ],
    [['client_secret_basic'], { client_secret: 's', token_endpoint_auth_method: 'none' }, undefined, 'none'],
    [undefined, { token_endpoint_auth_method: 'client_secret_basic' }, undefined, 'none'],
    [undefined, { token_endpoint_auth_method: 'tls_client_auth' }, undefined, 'none'],
    [['client_secret_basic'], { client_secret: 's' }, 'client_secret_post', 'post'],
    [['client_secret_post'], { client_secret: 's' }, 'client_secret_basic', 'basic'],
    [undefined, { client_secret: 's', token_endpoint_auth_method: 'client_secret_post' }, 'none', 'none'],
    [undefined, { client_secret: 's', token_endpoint_auth_method: 'private_key_jwt' }, 'client_secret_basic', 'basic'],
  ])('C2, C4: server %j, client %j, override %j: %s', async (methods, client, authentication, expected) => {
    await using server = await startScriptedServer(() => ({ json: token }));
    const options = authentication === undefined ? {} : { authentication: authentication as 'none' };
    await requestToken(metadata(server, methods), { client_id: 'c', ...client }, grant, options);
    expect(server.requests).toHaveLength(1);
    expect(methodOf(server.requests[0])).toBe(expected);
  });

  it('C3: a public client sends client_id in the body and no Authorization header', async () => {
    await using server = await startScriptedServer(() => ({ json: token }));
    await requestToken(metadata(server), { client_id: 'public' }, { grant_type: 'authorization_code', code: 'x' });
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
    expect(Object.fromEntries(server.requests[0]?.form ?? [])).toEqual({
      grant_type: 'authorization_code',
      code: 'x',
      client_id: 'public',
    });
  });

  it('C4: no method in common is an error before anything is sent', async () => {
    await using server = await startScriptedServer(() => ({ json: token }));
    const onlyJwt = metadata(server, ['private_key_jwt']);
    const registered = { client_id: 'c', token_endpoint_auth_method: 'private_key_jwt' };
    for (const client of [{ client_id: 'c', client_secret: 's' }, registered])
      expect((await rejectionOf(requestToken(onlyJwt, client, grant))).code).toBe('unsupported_client_authentication');
    expect(server.requests).toHaveLength(0);
  });

  it('a wrong argument is a TypeError', async () => {
    const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
    const client = { client_id: 'c', client_secret: 's' };
    const wrong = [
      () => requestToken(server, client, grant, { authentication: 'client_secret_jwt' as 'none' }),
      () => requestToken(server, { client_id: 'c' }, grant, { authentication: 'client_secret_basic' }),
      () => requestToken(server, { client_id: '' }, grant),
      () => requestToken(server, {} as Client, grant),
      () => requestToken(server, client, {}),
      () => requestToken(server, client, { grant_type: '' }),
      () => requestToken(server, client, { ...grant, client_id: 'other' }),
      () => requestToken(server, client, { ...grant, client_secret: 'other' }),
      () => requestToken(server, client, { ...grant, client_assertion: 'x' }),
      () => requestToken(server, client, { ...grant, scope: ['a', 'b'] }),
      () => requestToken(server, client, { ...grant, audience: 5 as unknown as string }),
      () => requestToken(server, client, grant, { timeout: -1 }),
    ];
    for (const call of wrong) await expect(call()).rejects.toBeInstanceOf(TypeError);
  });

  it('A11: the password grant is not sent', async () => {
    const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
    const parameters = { grant_type: 'password', username: 'u', password: 'p' };
    await expect(requestToken(server, { client_id: 'c' }, parameters)).rejects.toThrow('RFC 9700');
  });

  it('a server without a token endpoint is one', async () => {
    const server = { issuer: 'https://as.example' } as AuthorizationServer;
    expect((await rejectionOf(requestToken(server, { client_id: 'c' }, grant))).code).toBe('endpoint_missing');
  });
});

describe('servers that read Basic their own way', () => {
  const refused: Reply = { status: 401, json: { error: 'invalid_client' } };
  const client = { client_id: 'c', client_secret: ODD };
  const raw = (request: RecordedRequest): Reply =>
    basic(request, (text) => text)?.[1] === ODD ? { json: token } : refused;
  const post = (request: RecordedRequest): Reply =>
    request.form.get('client_secret') === ODD ? { json: token } : refused;

  it('C1: one that does not decode gets the secret as it is, and is remembered', async () => {
    await using server = await startScriptedServer(raw);
    const known = metadata(server);
    const events: OAuthEvent[] = [];
    const options = { onEvent: (event: OAuthEvent): void => void events.push(event) };
    await requestToken(known, client, grant, options);
    expect(server.requests.map(methodOf)).toEqual(['basic', 'basic']);
    const method = 'client_secret_basic_unencoded';
    expect(events).toEqual([{ type: 'client_authentication_changed', issuer: known.issuer, method }]);
    await requestToken(known, client, grant, options);
    expect(server.requests).toHaveLength(3);
    expect(events).toHaveLength(1);
  });

  it.each([
    ['says so', ['client_secret_basic', 'client_secret_post']],
    ['publishes nothing', undefined],
  ])('one that takes only the body and %s gets it there', async (_, methods) => {
    await using server = await startScriptedServer(post);
    const known = metadata(server, methods);
    await requestToken(known, client, grant);
    expect(server.requests.map(methodOf)).toEqual(['basic', 'basic', 'post']);
    await requestToken(known, client, grant);
    expect(server.requests).toHaveLength(4);
    expect(server.requests.map(methodOf)[3]).toBe('post');
  });

  it('a simple secret is tried once where the server says no more', async () => {
    await using server = await startScriptedServer(() => refused);
    const simple = { client_id: 'c', client_secret: 'simple' };
    for (const methods of [undefined, ['client_secret_basic']])
      expect(await rejectionOf(requestToken(metadata(server, methods), simple, grant))).toMatchObject({
        code: 'oauth_error',
        error: 'invalid_client',
        status: 401,
      });
    expect(server.requests).toHaveLength(2);
  });

  it('a simple secret is tried in the body where the server accepts that, or misses it', async () => {
    const simple = { client_id: 'c', client_secret: 'simple' };
    const missing = { error: 'invalid_request', error_description: 'A required parameter "client_id" is missing' };
    await using server = await startScriptedServer(({ form }) =>
      form.has('client_secret') ? { json: token } : { status: 400, json: missing },
    );
    await requestToken(metadata(server), simple, { grant_type: 'authorization_code', code: 'x' });
    await requestToken(metadata(server, ['client_secret_basic', 'client_secret_post']), simple, grant);
    expect(server.requests.map(methodOf)).toEqual(['basic', 'post', 'basic', 'post']);
  });

  it('what was registered or asked for is not changed, but for the encoding', async () => {
    await using server = await startScriptedServer(() => refused);
    const registered = { ...client, token_endpoint_auth_method: 'client_secret_basic' };
    await rejectionOf(requestToken(metadata(server), registered, grant));
    await rejectionOf(requestToken(metadata(server), client, grant, { authentication: 'client_secret_basic' }));
    await rejectionOf(requestToken(metadata(server), client, grant, { authentication: 'client_secret_post' }));
    expect(server.requests.map(methodOf)).toEqual(['basic', 'basic', 'basic', 'basic', 'post']);
  });

  it('a wrong secret is tried every way once, and ends in the first answer', async () => {
    await using server = await startScriptedServer((_, index) => ({
      status: 401,
      json: { error: 'invalid_client', error_description: `answer ${index}` },
    }));
    const known = metadata(server);
    expect((await rejectionOf(requestToken(known, client, grant))).error_description).toBe('answer 0');
    expect(server.requests.map(methodOf)).toEqual(['basic', 'basic', 'post']);
  });

  it('another refusal means that the client was recognised', async () => {
    const wrongScope = { status: 400, json: { error: 'invalid_scope' } };
    await using server = await startScriptedServer((_, index) => (index === 0 ? refused : wrongScope));
    expect((await rejectionOf(requestToken(metadata(server), client, grant))).error).toBe('invalid_scope');
    expect(server.requests).toHaveLength(2);
  });

  it.each<[string, Reply]>([
    ['400 invalid_client', { status: 400, json: { error: 'invalid_client' } }],
    ["Keycloak's 401", { status: 401, json: { error: 'unauthorized_client' } }],
    ['401 without a body', { status: 401 }],
    ['403 without a body', { status: 403 }],
    ['400 without a body', { status: 400 }],
    ['401 as plain text', { status: 401, body: 'Unauthorized', headers: { 'content-type': 'text/plain' } }],
    ['401 of a framework', { status: 401, json: { error: 'Unauthorized', message: 'Bad credentials' } }],
    ['200 with an error', { json: { error: 'invalid_client' } }],
  ])('C9: %s may be about the encoding', async (_, reply) => {
    await using server = await startScriptedServer((_request, index) => (index === 0 ? reply : { json: token }));
    await requestToken(metadata(server), client, grant);
    expect(server.requests).toHaveLength(2);
  });

  it.each<[string, Reply]>([
    ['500', { status: 500 }],
    ['400 invalid_grant', { status: 400, json: { error: 'invalid_grant' } }],
    ['401 invalid_grant', { status: 401, json: { error: 'invalid_grant' } }],
    ['400 unauthorized_client', { status: 400, json: { error: 'unauthorized_client' } }],
    ['400 invalid_request', { status: 400, json: { error: 'invalid_request', error_description: 'no scope' } }],
  ])('%s is not', async (_, reply) => {
    await using server = await startScriptedServer(() => reply);
    await rejectionOf(requestToken(metadata(server), client, grant));
    expect(server.requests).toHaveLength(1);
  });

  it.each(['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'])(
    '%s is sent again only if the server says that it did not recognise the client',
    async (grant_type) => {
      const single = { grant_type, code: 'works-once' };
      for (const reply of [{ status: 401 }, { status: 400 }, { status: 403 }, { status: 401, json: { error: 'x' } }]) {
        await using server = await startScriptedServer(() => reply);
        await rejectionOf(requestToken(metadata(server), client, single));
        expect(server.requests).toHaveLength(1);
      }
      const keycloak = { status: 401, json: { error: 'unauthorized_client' } };
      await using other = await startScriptedServer((_, index) => (index === 0 ? keycloak : { json: token }));
      await requestToken(metadata(other), client, single);
      await using server = await startScriptedServer(raw);
      await requestToken(metadata(server), client, single);
      expect(server.requests.map(({ form }) => form.get('code'))).toEqual(['works-once', 'works-once']);
    },
  );

  it('what may pass is not taken for an answer about the method', async () => {
    await using server = await startScriptedServer((_, index) => (index === 0 ? refused : { status: 500 }));
    const events: OAuthEvent[] = [];
    const options = { onEvent: (event: OAuthEvent): void => void events.push(event) };
    const error = await rejectionOf(requestToken(metadata(server), client, grant, options));
    expect(error).toMatchObject({ status: 500, retryable: true });
    expect(server.requests).toHaveLength(2);
    expect(events).toEqual([]);
  });

  it('the attempts share one timeout', async () => {
    await using server = await startScriptedServer((request) => ({ ...post(request), delay: 500 }));
    const error = await rejectionOf(requestToken(metadata(server), client, grant, { timeout: 1200 }));
    expect(error.code).toBe('timeout');
    expect(server.requests).toHaveLength(3);
  });

  it('what is remembered is bounded', async () => {
    await using server = await startScriptedServer(raw);
    const first = metadata(server);
    for (let index = 0; index < 202; index += 1)
      await requestToken(index === 0 ? first : metadata(server), client, grant);
    const before = server.requests.length;
    await requestToken(first, client, grant);
    expect(server.requests.length - before).toBe(2);
  });
});

function prove({ url }: { url: string }): { headers: Record<string, string> } {
  return { headers: { proof: url } };
}

describe('authenticateClient', () => {
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };

  it('says what to add to a request to another endpoint', async () => {
    expect(await authenticateClient(server, { client_id: 'c' })).toEqual({
      headers: {},
      parameters: { client_id: 'c' },
    });
    expect(await authenticateClient(server, { client_id: 'c', client_secret: 's' })).toEqual({
      headers: { authorization: `Basic ${btoa('c:s')}` },
      parameters: {},
    });
    const post = { authentication: 'client_secret_post' } as const;
    expect(await authenticateClient(server, { client_id: 'c', client_secret: 's' }, post)).toEqual({
      headers: {},
      parameters: { client_id: 'c', client_secret: 's' },
    });
  });

  it('asks a hook, with the address', async () => {
    const url = 'https://as.example/device';
    const client = { client_id: 'c' };
    expect(await authenticateClient(server, client, { authentication: prove, url })).toEqual({
      headers: { proof: url },
      parameters: {},
    });
    const none = { authentication: (): undefined => undefined };
    expect(await authenticateClient(server, client, none)).toEqual({ headers: {}, parameters: {} });
  });
});
