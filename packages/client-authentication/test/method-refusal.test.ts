import { type RecordedRequest, type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { attempt } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { postGrant } from './post.ts';
import { methodOf, newMetadata, ODD_SECRET, token } from './requests.ts';

const job = { grant_type: 'client_credentials' };
const simple = { client_id: 'c', client_secret: 'simple' };
const odd = { client_id: 'c', client_secret: ODD_SECRET };
const html = { 'content-type': 'text/html' };
const invalidClient = (error_description?: string): Reply => ({
  status: 401,
  json: { error: 'invalid_client', error_description },
});
const missing = (error_description: string): Reply => ({
  status: 400,
  json: { error: 'invalid_request', error_description },
});
const answering =
  (basic: Reply, post: Reply) =>
  ({ form }: RecordedRequest): Reply =>
    form.has('client_secret') ? post : basic;

describe('a server that says that it misses the client', () => {
  it.each<[string, Reply]>([
    ['invalid_request', missing('Missing parameter: client_id')],
    ['another order', missing('client_id is required')],
    ['the text of a template', missing('The request is missing a required parameter: client_id.')],
    ['a type', missing('client_id: expected string, received undefined')],
    ['a camel', missing('clientId must be provided')],
    ['spaces', missing("Client ID wasn't provided")],
    ['credentials', missing('No client credentials found in the request: client authentication is required')],
    ['an empty value', missing('client_id must not be empty')],
    ['a template of two', missing('Invalid or missing client_id parameter')],
    ['a bare name', missing('client_id')],
    ['a field', missing("The 'client_id' field is mandatory")],
    ['a negation', missing("client_id can't be blank")],
    ['an order to the user', missing('You must provide a client_id and a client_secret.')],
    ['German', { status: 400, json: { error: 'invalid_client', error_description: 'client_id fehlt' } }],
    ['Spanish', { status: 401, json: { message: 'Falta el parámetro obligatorio client_id' } }],
    ['Chinese', { status: 400, json: { error: 'invalid_request', error_description: '缺少参数: client_id' } }],
    ['invalid_client', invalidClient('client_id is missing')],
    ['invalid_client with status 400', { ...invalidClient('No client_id was sent.'), status: 400 }],
    ['a code of its own', { status: 400, json: { error: 'missing_client_id' } }],
    ['free text', { status: 401, json: { error: 'Missing client_id' } }],
    ['another member', { status: 400, json: { message: 'client_secret is required' } }],
    ['a success', { json: { ok: false, error: 'missing_client_id' } }],
    [
      'unauthorized_client',
      { status: 401, json: { error: 'unauthorized_client', error_description: 'Missing client_id' } },
    ],
    ['a list of faults', { status: 422, json: { detail: [{ loc: ['body', 'client_id'], msg: 'field required' }] } }],
    ['plain text', { status: 400, body: 'Missing parameter: client_id' }],
    ['plain text with status 401', { status: 401, body: 'client_id is required' }],
    ['a page', { status: 400, body: '<html><h1>Bad Request</h1><p><code>client_id</code> is missing', headers: html }],
  ])('in %s is asked with the body, also for a code that works once', async (_, reply) => {
    for (const grant of [job, { grant_type: 'authorization_code', code: 'works-once' }]) {
      await using server = await startScriptedServer(answering(reply, { json: token }));
      for (const client of [simple, odd]) {
        server.requests.length = 0;
        await postGrant(newMetadata(server), client, grant);
        expect(server.requests.map(methodOf)).toEqual(['basic', 'post']);
      }
    }
  });

  it('is asked with the body, even if it lists Basic only, and not if the client is registered for Basic (RFC 7591 section 2)', async () => {
    await using server = await startScriptedServer(answering(missing('client_id is missing'), { json: token }));
    const onlyBasic = newMetadata(server, ['client_secret_basic']);
    await postGrant(onlyBasic, odd, job);
    expect(server.requests.map(methodOf)).toEqual(['basic', 'post']);
    const registered = { ...odd, token_endpoint_auth_method: 'client_secret_basic' };
    await rejectionOf(postGrant(newMetadata(server, ['client_secret_basic']), registered, job));
    expect(server.requests.map(methodOf)).toEqual(['basic', 'post', 'basic']);
  });

  it.each<[string, Reply]>([
    [
      'an unknown scope',
      { status: 400, json: { error: 'invalid_scope', error_description: 'client_id requires read' } },
    ],
    ['the grant', { status: 400, json: { error: 'invalid_request', error_description: 'No grant_type was sent' } }],
    [
      'the grant of clients',
      {
        status: 400,
        json: { error: 'unsupported_grant_type', error_description: 'client_credentials is not enabled' },
      },
    ],
    [
      'a code',
      { status: 400, json: { error: 'invalid_grant', error_description: 'The client_id of the code is missing' } },
    ],
    ['a code of another client', { status: 400, json: { error: 'invalid_grant', error_description: 'client_id' } }],
    ['a refused client', invalidClient('Client authentication failed for client_id c')],
    ['an unknown client', { status: 401, json: { message: 'client_id is unknown' } }],
    ['an overload', { status: 503, body: 'client_id is missing' }],
  ])('is not one that complains about %s', async (_, reply) => {
    await using server = await startScriptedServer(() => reply);
    await rejectionOf(postGrant(newMetadata(server), simple, { grant_type: 'authorization_code', code: 'c' }));
    expect(server.requests).toHaveLength(1);
  });
});

describe('after several methods, the error', () => {
  it.each<[string, Reply, Reply, object]>([
    [
      'is that of the body, if the server missed the client before',
      missing('client_id is missing'),
      invalidClient('wrong secret'),
      { error: 'invalid_client', error_description: 'wrong secret' },
    ],
    [
      'is that of Basic, if the server misses the client in the body',
      invalidClient('wrong secret'),
      missing('The Authorization header is missing: client authentication is required'),
      { error: 'invalid_client', error_description: 'wrong secret' },
    ],
    [
      'is that of Basic, if the server does not take the other method',
      invalidClient('wrong secret'),
      {
        status: 400,
        json: {
          error: 'invalid_client',
          error_description:
            "The client supports client authentication method 'client_secret_basic', but method 'client_secret_post' was requested.",
        },
      },
      { error: 'invalid_client', error_description: 'wrong secret' },
    ],
    [
      'is that of the body, if the server does not take Basic',
      missing('HTTP Basic authentication is not supported'),
      invalidClient('wrong secret'),
      { error_description: 'wrong secret' },
    ],
    [
      'is the one with an OAuth code, if a gateway answered before',
      { status: 401, body: '<h1>Unauthorized', headers: html },
      invalidClient('wrong secret'),
      { error: 'invalid_client', error_description: 'wrong secret' },
    ],
    [
      'is that of the first, if the server understood both alike',
      invalidClient('first'),
      invalidClient('second'),
      { error_description: 'first' },
    ],
    [
      'is about the request, if the server took the client by the other method',
      missing('client_id is missing'),
      { status: 400, json: { error: 'invalid_scope', error_description: 'no such scope' } },
      { error: 'invalid_scope' },
    ],
  ])('of the method that the server understood is told: it %s', async (_, basic, post, expected) => {
    await using server = await startScriptedServer(answering(basic, post));
    const metadata = newMetadata(server, ['client_secret_basic', 'client_secret_post']);
    expect(await rejectionOf(postGrant(metadata, simple, job))).toMatchObject(expected);
    expect(server.requests.map(methodOf)).toEqual(['basic', 'post']);
  });
});

describe('a refused secret with special characters', () => {
  it.each<[string, string[] | undefined, string[]]>([
    ['lists Basic and the body', ['client_secret_basic', 'client_secret_post'], ['basic', 'post']],
    ['lists the body only', ['client_secret_post'], ['post']],
    ['lists Basic only, and may not decode it', ['client_secret_basic'], ['basic', 'basic']],
    ['lists nothing', undefined, ['basic', 'basic', 'post']],
  ])('costs the fewest attempts at a server that %s', async (_, methods, expected) => {
    await using server = await startScriptedServer(() => invalidClient());
    await rejectionOf(postGrant(newMetadata(server, methods), odd, job));
    expect(server.requests.map(methodOf)).toEqual(expected);
  });

  it.each([
    'Unknown client',
    "AADSTS700016: Application with identifier 'c' was not found in the directory 'Contoso'.",
    'AADSTS7000222: The provided client secret keys for app c are expired.',
    'The client has been disabled',
    'Client c does not exist',
    'The client secret has expired',
  ])('costs one attempt, if the server says that it has read the client: %s', async (description) => {
    await using server = await startScriptedServer(() => invalidClient(description));
    const error = await rejectionOf(postGrant(newMetadata(server), odd, job));
    expect(error.error_description).toContain(description.slice(0, 20));
    expect(server.requests).toHaveLength(1);
  });

  it('costs one attempt where the method has worked before in this process', async () => {
    let secret = ODD_SECRET;
    await using server = await startScriptedServer(({ form }) =>
      form.get('client_secret') === secret ? { json: token } : invalidClient(),
    );
    for (const methods of [undefined, ['client_secret_basic', 'client_secret_post']]) {
      secret = ODD_SECRET;
      const metadata = newMetadata(server, methods);
      await postGrant(metadata, odd, job);
      secret = 'a new ~ secret';
      server.requests.length = 0;
      await rejectionOf(postGrant(metadata, odd, job));
      expect(server.requests.map(methodOf)).toEqual(['post']);
      await postGrant(metadata, { ...odd, client_secret: secret }, job);
      expect(server.requests.map(methodOf)).toEqual(['post', 'post']);
    }
  });

  it('is still asked for by another method at another endpoint, which may read other methods', async () => {
    await using server = await startScriptedServer((request) =>
      request.path === '/token' || request.form.has('client_secret') ? { json: token } : invalidClient(),
    );
    const metadata = newMetadata(server);
    await postGrant(metadata, odd, job);
    await postGrant({ ...metadata, token_endpoint: `${server.origin}/revoke` }, odd, job);
    expect(server.requests.map(methodOf)).toEqual(['basic', 'basic', 'basic', 'post']);
  });

  it('is in no error of the attempts', async () => {
    const client = { client_id: 'c', client_secret: 'planted/secret~0123456789' };
    await using server = await startScriptedServer((request) => ({
      status: 401,
      json: {
        error: 'invalid_client',
        error_description: `wrong: ${request.headers.authorization} ${request.form.get('client_secret')}`,
      },
    }));
    const result = await attempt(postGrant(newMetadata(server), client, job));
    const shown = inspectAll(result.ok ? undefined : result.error);
    for (const spelling of [
      client.client_secret,
      encodeURIComponent(client.client_secret),
      btoa(`c:${client.client_secret}`),
    ])
      expect(shown).not.toContain(spelling);
    expect(shown).not.toMatch(/planted|0123456789/);
  });
});
