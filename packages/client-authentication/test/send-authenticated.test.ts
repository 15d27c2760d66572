import { type RecordedRequest, type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import {
  sendAuthenticated,
  type AuthenticatedRequest,
  type ClientAuthentication,
  type ClientAuthenticationMethod,
} from '@oa/client-authentication';
import { request, type HttpResponse } from '@oa/http';
import type { Client, OAuthEvent } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { postGrant } from './post.ts';
import { basicCredentials, methodOf, newMetadata, ODD_SECRET, token } from './requests.ts';

const grant = { grant_type: 'client_credentials' };
const refused: Reply = { status: 401, json: { error: 'invalid_client' } };

describe('a server that reads Basic in its own way', () => {
  const client = { client_id: 'c', client_secret: ODD_SECRET };
  const raw = (request: RecordedRequest): Reply =>
    basicCredentials(request, (text) => text)?.[1] === ODD_SECRET ? { json: token } : refused;
  const post = (request: RecordedRequest): Reply =>
    request.form.get('client_secret') === ODD_SECRET ? { json: token } : refused;

  it('and does not form-decode it gets the unencoded secret, and its method is remembered', async () => {
    await using server = await startScriptedServer(raw);
    const known = newMetadata(server);
    const events: OAuthEvent[] = [];
    const options = { onEvent: (event: OAuthEvent): void => void events.push(event) };
    await postGrant(known, client, grant, options);
    expect(server.requests.map(methodOf)).toEqual(['basic', 'basic']);
    const method = 'client_secret_basic_unencoded';
    expect(events).toEqual([{ type: 'client_authentication_changed', issuer: known.issuer, method }]);
    await postGrant(known, client, grant, options);
    expect(server.requests).toHaveLength(3);
    expect(events).toHaveLength(1);
  });

  it.each([
    ['lists client_secret_post', ['client_secret_basic', 'client_secret_post'], ['basic', 'post']],
    ['lists no methods', undefined, ['basic', 'basic', 'post']],
  ])('and %s gets the secret in the body', async (_, methods, expected) => {
    await using server = await startScriptedServer(post);
    const known = newMetadata(server, methods);
    await postGrant(known, client, grant);
    expect(server.requests.map(methodOf)).toEqual(expected);
    await postGrant(known, client, grant);
    expect(server.requests.map(methodOf)).toEqual([...expected, 'post']);
  });

  it('gets a secret without special characters once, where it lists no other method', async () => {
    await using server = await startScriptedServer(() => refused);
    const simple = { client_id: 'c', client_secret: 'simple' };
    for (const methods of [undefined, ['client_secret_basic']])
      expect(await rejectionOf(postGrant(newMetadata(server, methods), simple, grant))).toMatchObject({
        code: 'oauth_error',
        error: 'invalid_client',
        status: 401,
      });
    expect(server.requests).toHaveLength(2);
  });

  it('gets a secret without special characters in the body, where it lists client_secret_post or misses client_id', async () => {
    const simple = { client_id: 'c', client_secret: 'simple' };
    const missing = { error: 'invalid_request', error_description: 'A required parameter "client_id" is missing' };
    await using server = await startScriptedServer(({ form }) =>
      form.has('client_secret') ? { json: token } : { status: 400, json: missing },
    );
    await postGrant(newMetadata(server), simple, { grant_type: 'authorization_code', code: 'x' });
    await postGrant(newMetadata(server, ['client_secret_basic', 'client_secret_post']), simple, grant);
    expect(server.requests.map(methodOf)).toEqual(['basic', 'post', 'basic', 'post']);
  });

  it('gets no other method than the registered or chosen one, apart from the encoding', async () => {
    await using server = await startScriptedServer(() => refused);
    const registered = { ...client, token_endpoint_auth_method: 'client_secret_basic' };
    await rejectionOf(postGrant(newMetadata(server), registered, grant));
    await rejectionOf(postGrant(newMetadata(server), client, grant, { authentication: 'client_secret_basic' }));
    await rejectionOf(postGrant(newMetadata(server), client, grant, { authentication: 'client_secret_post' }));
    expect(server.requests.map(methodOf)).toEqual(['basic', 'basic', 'basic', 'basic', 'post']);
  });

  it('gets a wrong secret by each method once, and the error is that of the first', async () => {
    await using server = await startScriptedServer((_, index) => ({
      status: 401,
      json: { error: 'invalid_client', error_description: `answer ${index}` },
    }));
    const known = newMetadata(server);
    expect((await rejectionOf(postGrant(known, client, grant))).error_description).toBe('answer 0');
    expect(server.requests.map(methodOf)).toEqual(['basic', 'basic', 'post']);
  });

  it('ends the attempts with any other refusal', async () => {
    const wrongScope = { status: 400, json: { error: 'invalid_scope' } };
    await using server = await startScriptedServer((_, index) => (index === 0 ? refused : wrongScope));
    expect((await rejectionOf(postGrant(newMetadata(server), client, grant))).error).toBe('invalid_scope');
    expect(server.requests).toHaveLength(2);
  });

  it('is not remembered after an error that may pass', async () => {
    await using server = await startScriptedServer((_, index) => (index === 0 ? refused : { status: 500 }));
    const events: OAuthEvent[] = [];
    const options = { onEvent: (event: OAuthEvent): void => void events.push(event) };
    const error = await rejectionOf(postGrant(newMetadata(server), client, grant, options));
    expect(error).toMatchObject({ status: 500, retryable: true });
    expect(server.requests).toHaveLength(2);
    expect(events).toEqual([]);
  });

  it('and is known for one client is asked by the first method for another client', async () => {
    await using server = await startScriptedServer(raw);
    const known = newMetadata(server);
    await postGrant(known, client, grant);
    await postGrant(known, { ...client, client_id: 'other' }, grant);
    expect(server.requests).toHaveLength(4);
  });
});

/** `@modelcontextprotocol/sdk`: it registers clients for whatever they ask, and reads the body only. */
describe('a server that reads the body only, and a client that is registered for Basic', () => {
  const client: Client = { client_id: 'c', client_secret: 's', token_endpoint_auth_method: 'client_secret_basic' };
  const single = { grant_type: 'authorization_code', code: 'works-once' };
  const bodyOnly = ({ form }: RecordedRequest): Reply => {
    if (!form.has('client_id'))
      return { status: 400, json: { error: 'invalid_request', error_description: 'client_id: expected string' } };
    return { json: { access_token: 'a', token_type: 'bearer' } };
  };

  it('gets Basic and then the body where its metadata lists no Basic, once for each issuer (RFC 8414 section 2)', async () => {
    await using server = await startScriptedServer(bodyOnly);
    const metadata = newMetadata(server, ['client_secret_post', 'none']);
    const events: OAuthEvent[] = [];
    const options = { onEvent: (event: OAuthEvent) => events.push(event) };
    for (let count = 0; count < 2; count += 1)
      expect(await postGrant(metadata, client, single, options)).toMatchObject({ token_type: 'bearer' });
    expect(server.requests.map(({ headers }) => headers.authorization !== undefined)).toEqual([true, false, false]);
    expect(server.requests.map(({ form }) => form.has('client_secret'))).toEqual([false, true, true]);
    expect(events).toEqual([
      { type: 'client_authentication_changed', issuer: metadata.issuer, method: 'client_secret_post' },
    ]);
  });

  it.each([{ methods: ['client_secret_basic', 'client_secret_post'] }, { methods: [] }])(
    'gets Basic only where its metadata lists $methods (RFC 7591 section 2)',
    async ({ methods }) => {
      await using server = await startScriptedServer(bodyOnly);
      const error = await rejectionOf(postGrant(newMetadata(server, methods), client, single));
      expect(error).toMatchObject({ code: 'oauth_error', error: 'invalid_request' });
      expect(server.requests).toHaveLength(1);
    },
  );
});

describe('a function that replaces the built-in method', () => {
  const client = { client_id: 'c' };
  const single = { grant_type: 'authorization_code', code: 'x' };

  it('adds an assertion, as private_key_jwt does (RFC 7523 section 2.2)', async () => {
    const byAssertion: ClientAuthentication = async ({ server, client, url }) => ({
      parameters: {
        client_id: client.client_id,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: `signed for ${server.issuer} at ${url}`,
      },
    });
    await using server = await startScriptedServer(() => ({ json: { access_token: 'at', token_type: 'bearer' } }));
    const metadata = newMetadata(server);
    await postGrant(metadata, client, single, { authentication: byAssertion });
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
    expect(server.requests[0]?.form.get('client_assertion')).toBe(
      `signed for ${metadata.issuer} at ${server.origin}/token`,
    );
  });

  it('is called once more after a refusal, and may accept it', async () => {
    await using server = await startScriptedServer(() => ({ status: 401 }));
    const seen: unknown[] = [];
    const repeating: ClientAuthentication = ({ refusal }) => {
      seen.push(refusal?.status);
      return {};
    };
    const accepting: ClientAuthentication = ({ refusal }) => (refusal === undefined ? {} : undefined);
    const silent: ClientAuthentication = () => undefined;
    for (const authentication of [repeating, accepting, silent])
      expect((await rejectionOf(postGrant(newMetadata(server), client, single, { authentication }))).status).toBe(401);
    expect(seen).toEqual([undefined, 401]);
    expect(server.requests).toHaveLength(4);
  });

  it('is not followed by a built-in method, even if the client has a secret', async () => {
    await using server = await startScriptedServer(() => refused);
    const authentication: ClientAuthentication = ({ refusal }) => (refusal === undefined ? {} : undefined);
    const confidential = { client_id: 'c', client_secret: ODD_SECRET };
    await rejectionOf(postGrant(newMetadata(server), confidential, grant, { authentication }));
    expect(server.requests.map(methodOf)).toEqual(['nothing']);
  });

  it('may throw an error of its own, which is not a refusal', async () => {
    const reason = new RangeError('the key is gone');
    const authentication: ClientAuthentication = () => Promise.reject(reason);
    await using server = await startScriptedServer(() => ({ json: token }));
    await expect(postGrant(newMetadata(server), client, single, { authentication })).rejects.toBe(reason);
    expect(server.requests).toEqual([]);
  });
});

describe('a function that adds to the built-in method', () => {
  const client = { client_id: 'c', client_secret: ODD_SECRET };
  const NONCE_NEEDED: Reply = { status: 400, json: { error: 'use_dpop_nonce' }, headers: { 'dpop-nonce': 'n1' } };
  const isUnencoded = (request: RecordedRequest): boolean =>
    basicCredentials(request, (text) => text)?.[1] === ODD_SECRET;
  const hasNonce = ({ headers }: RecordedRequest): boolean => headers['dpop']?.includes('n1') === true;

  /** Numbers its proofs, and repeats a request only for a nonce, as RFC 9449 section 8 says. */
  function createProver(): { authentication: ClientAuthentication; refusals: (string | undefined)[] } {
    const refusals: (string | undefined)[] = [];
    let count = 0;
    const authentication: ClientAuthentication = ({ refusal }): AuthenticatedRequest | undefined => {
      if (refusal !== undefined) refusals.push(refusal.error);
      if (refusal !== undefined && refusal.error !== 'use_dpop_nonce') return undefined;
      count += 1;
      const proof = `proof ${count} with ${refusal?.headers.get('dpop-nonce') ?? 'no nonce'}`;
      return { builtIn: true, headers: { dpop: proof }, token_type: 'DPoP' };
    };
    return { authentication, refusals };
  }

  it.each<[string, Client, string]>([
    ['no secret', { client_id: 'c' }, 'none'],
    ['a secret', { client_id: 'c', client_secret: 's' }, 'basic'],
    [
      'a secret for the body',
      { client_id: 'c', client_secret: 's', token_endpoint_auth_method: 'client_secret_post' },
      'post',
    ],
  ])('sends its header beside the method of a client with %s', async (_, client, expected) => {
    await using server = await startScriptedServer(() => ({ json: token }));
    const { authentication } = createProver();
    await postGrant(newMetadata(server), client, grant, { authentication });
    expect(server.requests.map(methodOf)).toEqual([expected]);
    expect(server.requests[0]?.headers['dpop']).toBe('proof 1 with no nonce');
  });

  it('is called again for each built-in method, with a new proof', async () => {
    await using server = await startScriptedServer((request) =>
      request.form.has('client_secret') ? { json: token } : refused,
    );
    const { authentication, refusals } = createProver();
    await postGrant(newMetadata(server), client, grant, { authentication });
    expect(server.requests.map(methodOf)).toEqual(['basic', 'basic', 'post']);
    expect(server.requests.map(isUnencoded)).toEqual([false, true, false]);
    expect(server.requests.map(({ headers }) => headers['dpop'])).toEqual([
      'proof 1 with no nonce',
      'proof 2 with no nonce',
      'proof 3 with no nonce',
    ]);
    expect(refusals).toEqual(['invalid_client', 'invalid_client']);
  });

  it.each<[string, (request: RecordedRequest) => Reply, boolean[]]>([
    [
      'the client first',
      (request) => (!isUnencoded(request) ? refused : hasNonce(request) ? { json: token } : NONCE_NEEDED),
      [false, false, true],
    ],
    [
      'the proof first',
      (request) => (!hasNonce(request) ? NONCE_NEEDED : isUnencoded(request) ? { json: token } : refused),
      [false, true, false, true],
    ],
  ])('gets the nonce for each built-in method from a server that checks %s', async (_, reply, nonces) => {
    await using server = await startScriptedServer(reply);
    const known = newMetadata(server);
    const { authentication } = createProver();
    await postGrant(known, client, { grant_type: 'refresh_token', refresh_token: 'rt' }, { authentication });
    expect(server.requests.map(hasNonce)).toEqual(nonces);
    const proofs = server.requests.map(({ headers }) => headers['dpop']);
    expect(new Set(proofs).size).toBe(proofs.length);
    await postGrant(known, client, grant, { authentication });
    expect(server.requests.slice(nonces.length).map(isUnencoded)).toEqual([true, true]);
  });

  it('sends two requests for each method at most', async () => {
    await using server = await startScriptedServer(() => refused);
    const authentication: ClientAuthentication = () => ({ builtIn: true });
    await rejectionOf(postGrant(newMetadata(server), client, grant, { authentication }));
    expect(server.requests.map(methodOf)).toEqual(['basic', 'basic', 'basic', 'basic', 'post', 'post']);
  });

  it('may replace the method after a refusal, which ends the attempts', async () => {
    await using server = await startScriptedServer(() => refused);
    const authentication: ClientAuthentication = ({ refusal }) => ({ builtIn: refusal === undefined });
    await rejectionOf(postGrant(newMetadata(server), client, grant, { authentication }));
    expect(server.requests.map(methodOf)).toEqual(['basic', 'nothing']);
  });

  it('gets every answer, and what was refused', async () => {
    await using server = await startScriptedServer((_, index) => (index === 0 ? NONCE_NEEDED : { json: token }));
    const seen: unknown[] = [];
    const authentication: ClientAuthentication = ({ refusal }) => {
      const dpop = refusal === undefined ? 'first' : `after ${refusal.authenticated?.headers?.['dpop']}`;
      const onResponse = ({ status, headers }: { status: number; headers: Headers }): void => {
        seen.push([dpop, status, headers.get('dpop-nonce')]);
      };
      return { builtIn: true, headers: { dpop }, onResponse };
    };
    await postGrant(newMetadata(server), { client_id: 'c' }, grant, { authentication });
    expect(seen).toEqual([
      ['first', 400, 'n1'],
      ['after first', 200, null],
    ]);
  });

  it.each<[ClientAuthenticationMethod, string]>([
    ['client_secret_basic', 'basic'],
    ['client_secret_post', 'post'],
    ['none', 'none'],
  ])('goes beside the method %s where it names that', async (builtIn, expected) => {
    await using server = await startScriptedServer(() => ({ json: token }));
    const authentication: ClientAuthentication = () => ({ builtIn, headers: { dpop: 'proof' } });
    const client = { client_id: 'c', client_secret: 's' };
    await postGrant(newMetadata(server), client, grant, { authentication });
    expect(server.requests.map(methodOf)).toEqual([expected]);
    expect(server.requests[0]?.headers['dpop']).toBe('proof');
  });

  it('can be called again for each attempt of a sender, and the answer goes to the last one', async () => {
    await using server = await startScriptedServer(() => ({ json: token }));
    const seen: number[] = [];
    let count = 0;
    const authentication: ClientAuthentication = () => {
      count += 1;
      const number = count;
      return { builtIn: true, headers: { dpop: `proof ${number}` }, onResponse: () => seen.push(number) };
    };
    const metadata = newMetadata(server);
    const url = metadata.token_endpoint;
    const read = async (_: unknown, { headers }: AuthenticatedRequest): Promise<unknown> => headers?.['dpop'];
    const send = async (_: AuthenticatedRequest, renew?: () => Promise<AuthenticatedRequest>): Promise<HttpResponse> =>
      request('POST', url, { headers: (await renew?.())?.headers });
    const exchange = { url, idempotent: true, send, read };
    expect(await sendAuthenticated(metadata, { client_id: 'c' }, exchange, { authentication })).toBe('proof 2');
    expect([seen, server.requests[0]?.headers['dpop']]).toEqual([[2], 'proof 2']);
    const builtIn = (_: AuthenticatedRequest, renew?: unknown): Promise<HttpResponse> => {
      expect(renew).toBeUndefined();
      return request('POST', url);
    };
    await sendAuthenticated(metadata, { client_id: 'c' }, { ...exchange, send: builtIn });
  });
});
