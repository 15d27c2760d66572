import { inspectAll, rejectionOf } from '@oa-internal/testing';
import type { AssertionRequest, OAuthEvent } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { jwtBearer } from '@oa/assertion-grants';
import { client, issued, NOW_MS, now, refused, startTokenEndpoint, unsignedJwt } from './scripted.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

describe('jwtBearer (RFC 7523 section 2.1)', () => {
  it('sends the assertion, the scope and every other parameter, and stamps the token', async () => {
    const { metadata, server } = await startTokenEndpoint(issued({ refresh_token: 'rt' }));
    const resource = ['https://a.example/', 'https://b.example/'];
    const parameters = {
      assertion: 'a.b.c',
      scope: 'a b',
      resource,
      requested_token_use: 'on_behalf_of',
      none: undefined,
    };
    expect(await jwtBearer(metadata, client, parameters, { now })).toEqual({
      access_token: 'at',
      token_type: 'Bearer',
      expires_in: 3600,
      expires_at: NOW_MS / 1000 + 3600,
      refresh_token: 'rt',
      scope: 'a b',
    });
    expect([...(server.requests[0]?.form ?? [])]).toEqual([
      ['scope', 'a b'],
      ['resource', 'https://a.example/'],
      ['resource', 'https://b.example/'],
      ['requested_token_use', 'on_behalf_of'],
      ['grant_type', GRANT],
      ['assertion', 'a.b.c'],
    ]);
    expect(server.requests[0]?.headers.authorization).toMatch(/^Basic /);
  });

  it('asks a source for an assertion for the issuer of the server, once for each request', async () => {
    const { metadata, forms } = await startTokenEndpoint(issued());
    const asked: AssertionRequest[] = [];
    const { signal } = new AbortController();
    const assertion = async (request: AssertionRequest): Promise<string> => `assertion-${asked.push(request)}`;
    await jwtBearer(metadata, client, { assertion }, { signal });
    await jwtBearer(metadata, client, { assertion }, { signal });
    expect(forms().map((form) => form['assertion'])).toEqual(['assertion-1', 'assertion-2']);
    expect(asked).toEqual([1, 2].map(() => ({ audience: metadata.issuer, signal, rejected: undefined })));
  });

  it('sends client_id in the body for a public client (RFC 6749 section 3.2.1)', async () => {
    const { metadata, server, forms } = await startTokenEndpoint(issued());
    await jwtBearer(metadata, { client_id: 'public' }, { assertion: 'a' });
    expect(forms()).toEqual([{ grant_type: GRANT, assertion: 'a', client_id: 'public' }]);
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('cuts no lifetime to that of the assertion: a service account signs for a minute', async () => {
    const { metadata } = await startTokenEndpoint(issued());
    const assertion = unsignedJwt({ exp: NOW_MS / 1000 + 60 });
    const token = await jwtBearer(metadata, client, { assertion }, { now });
    expect(token).toMatchObject({ expires_in: 3600, expires_at: NOW_MS / 1000 + 3600 });
  });

  it.each([
    'grant_type',
    'client_id',
    'client_secret',
    'client_assertion',
    'client_assertion_type',
    'code',
    'code_verifier',
    'redirect_uri',
    'refresh_token',
    'username',
    'password',
  ])('refuses the parameter %s before it asks the source', async (name) => {
    const assertion = (): never => expect.unreachable();
    const call = jwtBearer({ issuer: 'x', token_endpoint: 'x' }, client, { assertion, [name]: 'planted' });
    await expect(call).rejects.toThrow(
      new TypeError(`The parameter ${name} is reserved: the call sets it, or forbids it. Leave it out.`),
    );
  });

  it.each([[undefined], [''], [1], [null]])('refuses %j as an assertion', async (assertion) => {
    const call = jwtBearer({ issuer: 'x', token_endpoint: 'x' }, client, { assertion: assertion as string });
    await expect(call).rejects.toThrow(
      /^The parameter assertion must be a non-empty string, or a function that resolves with one\.( If it comes from an environment variable, is the variable set\?)?$/,
    );
    await expect(call).rejects.toBeInstanceOf(TypeError);
  });

  it('refuses a function in another parameter, and a client without an identifier before it asks the source', async () => {
    const server = { issuer: 'x', token_endpoint: 'x' };
    const other = jwtBearer(server, client, { assertion: 'a', audience: async () => 'planted' });
    await expect(other).rejects.toThrow(TypeError);
    const unset = { client_id: undefined } as unknown as { client_id: string };
    const asked = { assertion: (): never => expect.unreachable() };
    await expect(jwtBearer(server, unset, asked)).rejects.toThrow(/client_id must be a non-empty string/);
  });
});

describe('a refused assertion', () => {
  it('is repeated once if the source has another one, and reports it', async () => {
    const { metadata, forms } = await startTokenEndpoint(refused('invalid_grant'), issued());
    const events: OAuthEvent[] = [];
    const rejectedOnes: (string | undefined)[] = [];
    const assertion = async ({ rejected }: AssertionRequest): Promise<string> =>
      `planted-assertion-${rejectedOnes.push(rejected)}`;
    await jwtBearer(metadata, client, { assertion }, { onEvent: (event) => events.push(event) });
    expect(forms().map((form) => form['assertion'])).toEqual(['planted-assertion-1', 'planted-assertion-2']);
    expect(rejectedOnes).toEqual([undefined, 'planted-assertion-1']);
    expect(events).toEqual([
      { type: 'retry', url: metadata.token_endpoint, attempt: 1, delay: 0, code: 'oauth_error', status: 400 },
    ]);
  });

  it('is repeated once only, and no other grant is tried', async () => {
    const { metadata, forms } = await startTokenEndpoint(refused('invalid_grant', 'bad aud'));
    let count = 0;
    const error = await rejectionOf(jwtBearer(metadata, client, { assertion: async () => `planted-${(count += 1)}` }));
    expect(forms().map((form) => [form['grant_type'], form['assertion']])).toEqual([
      [GRANT, 'planted-1'],
      [GRANT, 'planted-2'],
    ]);
    expect(error).toMatchObject({
      code: 'oauth_error',
      error: 'invalid_grant',
      error_description: 'bad aud',
      status: 400,
    });
    expect(error.message.match(/Check that it trusts the issuer/g)).toHaveLength(1);
  });

  it.each([
    ['of a caller that passed a text', 'planted-text'],
    ['of a source that has no other one', async () => 'planted-text'],
    [
      'of a source whose other one has expired',
      async ({ rejected }: AssertionRequest) => (rejected === undefined ? 'planted-text' : unsignedJwt({ exp: 1 })),
    ],
  ])('%s is not sent again', async (_, assertion) => {
    const { metadata, server } = await startTokenEndpoint(refused('invalid_grant'));
    const error = await rejectionOf(jwtBearer(metadata, client, { assertion }));
    expect(server.requests).toHaveLength(1);
    expect(error).toMatchObject({ code: 'oauth_error', error: 'invalid_grant' });
    expect(error.message).toContain('the assertion names it as the audience (`aud`)');
    expect(inspectAll(error)).not.toContain('planted');
  });

  it.each([
    refused('invalid_client'),
    refused('invalid_request', 'assertion'),
    refused('invalid_scope'),
    refused('unauthorized_client'),
    { status: 503 },
    { drop: 'request' as const },
    { body: 'x' },
  ])('is something else than %j', async (reply) => {
    const { metadata, server } = await startTokenEndpoint(reply);
    let count = 0;
    await rejectionOf(jwtBearer(metadata, { client_id: 'public' }, { assertion: async () => `a${(count += 1)}` }));
    expect([count, server.requests.length]).toEqual([1, 1]);
  });

  it('leads to the error of a source that fails to give another one, with the reason why it was asked', async () => {
    const { metadata } = await startTokenEndpoint(refused('invalid_grant'));
    const { OAuthError } = await import('@oa/types');
    const assertion = async ({ rejected }: AssertionRequest): Promise<string> => {
      if (rejected === undefined) return 'planted-one';
      throw new OAuthError('assertion_unavailable', 'Mount a projected token.');
    };
    const error = await rejectionOf(jwtBearer(metadata, client, { assertion }));
    expect(error.code).toBe('assertion_unavailable');
    expect(error.message).toMatch(/^Mount a projected token\. .*refused the request with invalid_grant/);
    const bug = new RangeError('a bug');
    const failing = async ({ rejected }: AssertionRequest): Promise<string> => {
      if (rejected === undefined) return 'one';
      throw bug;
    };
    await expect(jwtBearer(metadata, client, { assertion: failing })).rejects.toBe(bug);
  });
});
