import { type RecordedRequest, type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { clientAssertion } from '@oa/client-authentication';
import { OAuthError, type AssertionRequest, type AssertionSource } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { postGrant } from './post.ts';
import { newMetadata, token } from './requests.ts';

const grant = { grant_type: 'client_credentials' };
const client = { client_id: 'workload' };
const refused: Reply = { status: 401, json: { error: 'invalid_client' } };
const PLANTED = 'planted-assertion-4b8d1f7e9c20aa51';

/** Hands out the assertions in turn, the last one for ever. */
function sourceOf(...assertions: (string | Error)[]): { source: AssertionSource; asked: AssertionRequest[] } {
  const asked: AssertionRequest[] = [];
  const source: AssertionSource = async (request) => {
    asked.push(request);
    const next = assertions[Math.min(asked.length, assertions.length) - 1] ?? '';
    if (typeof next === 'string') return next;
    throw next;
  };
  return { source, asked };
}

const accepting =
  (right: string) =>
  ({ form }: RecordedRequest): Reply =>
    form.get('client_assertion') === right ? { json: token } : refused;

describe('clientAssertion', () => {
  it('sends an assertion of the source with client_id and the type, and asks for each request (RFC 7521 section 4.2)', async () => {
    await using server = await startScriptedServer(() => ({ json: token }));
    const metadata = newMetadata(server);
    const { source, asked } = sourceOf('one', 'two\n');
    const authentication = clientAssertion(source);
    await postGrant(metadata, client, grant, { authentication });
    await postGrant(metadata, client, grant, { authentication });
    const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    expect(server.requests.map(({ form }) => Object.fromEntries(form))).toEqual([
      { ...grant, client_id: 'workload', client_assertion_type, client_assertion: 'one' },
      { ...grant, client_id: 'workload', client_assertion_type, client_assertion: 'two' },
    ]);
    expect(asked.map(({ audience, rejected }) => [audience, rejected])).toEqual([
      [metadata.issuer, undefined],
      [metadata.issuer, undefined],
    ]);
  });

  it('takes an assertion as a text, and another type', async () => {
    await using server = await startScriptedServer(() => refused);
    const type = 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer';
    const authentication = clientAssertion('saml', { type });
    const error = await rejectionOf(postGrant(newMetadata(server), client, grant, { authentication }));
    expect(error.message).toContain(' Check that the server trusts the issuer of the client assertion, ');
    expect(
      server.requests.map(({ form }) => [form.get('client_assertion'), form.get('client_assertion_type')]),
    ).toEqual([['saml', type]]);
  });

  it('asks once more with the refused assertion, and sends another one', async () => {
    await using server = await startScriptedServer(accepting('new'));
    const { source, asked } = sourceOf('old', 'new');
    await postGrant(newMetadata(server), client, grant, { authentication: clientAssertion(source) });
    expect(asked.map(({ rejected }) => rejected)).toEqual([undefined, 'old']);
    expect(server.requests).toHaveLength(2);
  });

  it('names the assertion that was refused, after the first was sent again with another', async () => {
    const busy = { status: 503, headers: { 'retry-after': '0' } };
    await using server = await startScriptedServer((_, index) => (index === 0 ? busy : refused));
    const { source, asked } = sourceOf('first', 'second', 'third');
    const authentication = clientAssertion(source);
    await rejectionOf(postGrant(newMetadata(server), client, grant, { authentication }));
    expect(asked.map(({ rejected }) => rejected)).toEqual([undefined, undefined, 'second']);
    expect(server.requests.map(({ form }) => form.get('client_assertion'))).toEqual(['first', 'second', 'third']);
  });

  it.each<[string, (string | Error)[], Reply, number]>([
    ['the same one', ['old', 'old'], refused, 2],
    ['none', ['old', new OAuthError('assertion_unavailable', 'There is none.')], refused, 2],
    [
      'another one, and the refusal is about the grant',
      ['old', 'new'],
      { status: 400, json: { error: 'invalid_grant' } },
      1,
    ],
  ])('sends nothing again where the source has %s', async (_, assertions, reply, asks) => {
    await using server = await startScriptedServer(() => reply);
    const { source, asked } = sourceOf(...assertions);
    const authentication = clientAssertion(source);
    const error = await rejectionOf(postGrant(newMetadata(server), client, grant, { authentication }));
    expect(error).toMatchObject({ code: 'oauth_error', status: reply.status });
    expect(server.requests).toHaveLength(1);
    expect(asked).toHaveLength(asks);
  });

  it('gives up after the second refusal', async () => {
    await using server = await startScriptedServer(() => refused);
    const { source, asked } = sourceOf('one', 'two', 'three');
    await rejectionOf(postGrant(newMetadata(server), client, grant, { authentication: clientAssertion(source) }));
    expect([server.requests.length, asked.length]).toEqual([2, 2]);
  });

  it('passes the signal, and rejects with the error of the source or with the reason of the signal', async () => {
    await using server = await startScriptedServer(() => refused);
    const metadata = newMetadata(server);
    const failure = new OAuthError('assertion_unavailable', 'Mount a token.');
    const failing = clientAssertion(sourceOf(failure).source);
    await expect(postGrant(metadata, client, grant, { authentication: failing })).rejects.toBe(failure);
    const reason = new RangeError('stop');
    const controller = new AbortController();
    const authentication = clientAssertion(async ({ signal, rejected }) => {
      if (rejected === undefined) return 'old';
      controller.abort(reason);
      signal?.throwIfAborted();
      return 'new';
    });
    const options = { authentication, signal: controller.signal };
    await expect(postGrant(metadata, client, grant, options)).rejects.toBe(reason);
    expect(server.requests).toHaveLength(1);
  });

  it.each<[string, unknown]>([
    ['no text', undefined],
    ['an empty text', ' \n'],
    ['more than 64 KiB', PLANTED.repeat(2000)],
    ['an object', { token: PLANTED }],
  ])('refuses what is no assertion, without showing it: %s', async (_, value) => {
    await using server = await startScriptedServer(() => ({ json: token }));
    const authentication = clientAssertion(async () => value as string);
    const error = await rejectionOf(postGrant(newMetadata(server), client, grant, { authentication }));
    expect(error.code).toBe('assertion_unavailable');
    expect(inspectAll(error)).not.toContain(PLANTED);
    expect(server.requests).toEqual([]);
  });

  it('shows no assertion that the server repeats', async () => {
    await using server = await startScriptedServer(({ body }) => ({
      status: 401,
      json: { error: 'invalid_client', error_description: body },
    }));
    const { source } = sourceOf(PLANTED, `${PLANTED}-2`);
    const authentication = clientAssertion(source);
    const error = await rejectionOf(postGrant(newMetadata(server), client, grant, { authentication }));
    expect(inspectAll(error)).not.toContain(PLANTED);
    expect(inspectAll(authentication)).not.toContain(PLANTED);
  });
});

it.each<[string, () => unknown, RegExp]>([
  ['no source', () => clientAssertion(undefined as never), /non-empty string, or a function .*is the variable set\?/],
  ['an empty text', () => clientAssertion(''), /is the variable set\?/],
  ['an object', () => clientAssertion({} as never), /or a function that returns one/],
  ['a type that is no URI', () => clientAssertion('a', { type: 'jwt' }), /options\.type must be an absolute URI/],
  ['a type that is no text', () => clientAssertion('a', { type: 5 as never }), /options\.type/],
])('is a TypeError at once: %s', (_, call, message) => {
  expect(call).toThrow(TypeError);
  expect(call).toThrow(message);
});
