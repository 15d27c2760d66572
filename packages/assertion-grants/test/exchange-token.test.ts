import { inspectAll, rejectionOf } from '@oa-internal/testing';
import type { AssertionRequest } from '@oa/types';
import { isExpired } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { exchangeToken } from '@oa/assertion-grants';
import { client, exchanged, issued, now, NOW_MS, refused, startTokenEndpoint, TYPE, unsignedJwt } from './scripted.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = `${TYPE}access_token`;
const subject = { subject_token: 'planted-subject', subject_token_type: ACCESS_TOKEN };
const unreachable = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };

describe('exchangeToken (RFC 8693 section 2.1)', () => {
  it('sends every parameter, and returns the token with its type', async () => {
    const { metadata, server } = await startTokenEndpoint(exchanged({ scope: 'a' }));
    const token = await exchangeToken(
      metadata,
      client,
      {
        ...subject,
        actor_token: 'actor',
        actor_token_type: `${TYPE}jwt`,
        requested_token_type: ACCESS_TOKEN,
        resource: ['https://a.example/', 'https://b.example/'],
        audience: ['x', 'y'],
        scope: 'a b',
        options: '{}',
      },
      { now },
    );
    expect(token).toEqual({
      access_token: 'at',
      token_type: 'Bearer',
      issued_token_type: ACCESS_TOKEN,
      expires_in: 3600,
      expires_at: NOW_MS / 1000 + 3600,
      scope: 'a',
    });
    expect([...(server.requests[0]?.form ?? [])]).toEqual([
      ['subject_token_type', ACCESS_TOKEN],
      ['actor_token_type', `${TYPE}jwt`],
      ['requested_token_type', ACCESS_TOKEN],
      ['resource', 'https://a.example/'],
      ['resource', 'https://b.example/'],
      ['audience', 'x'],
      ['audience', 'y'],
      ['scope', 'a b'],
      ['options', '{}'],
      ['grant_type', GRANT],
      ['subject_token', 'planted-subject'],
      ['actor_token', 'actor'],
    ]);
  });

  it('asks both sources with the issuer of the server as the audience', async () => {
    const { metadata, forms } = await startTokenEndpoint(exchanged());
    const audiences: string[] = [];
    const source = async ({ audience }: AssertionRequest): Promise<string> => `token-${audiences.push(audience)}`;
    const actor = { actor_token: source, actor_token_type: `${TYPE}jwt` };
    await exchangeToken(metadata, client, { ...subject, subject_token: source, ...actor });
    expect(forms()).toMatchObject([{ subject_token: 'token-1', actor_token: 'token-2' }]);
    expect(audiences).toEqual([metadata.issuer, metadata.issuer]);
  });

  it.each<[Record<string, string | undefined>, string]>([
    [{ subject_token: '' }, 'The parameter subject_token must be a non-empty string'],
    [{ subject_token_type: '' }, 'The parameter subject_token_type must be the identifier'],
    [{ subject_token_type: undefined }, 'The parameter subject_token_type must be the identifier'],
    [{ actor_token: 'planted-actor' }, 'The parameter actor_token_type must be the identifier'],
    [{ actor_token: '', actor_token_type: 'x' }, 'The parameter actor_token must be a non-empty string'],
    [{ actor_token_type: 'x' }, 'The parameter actor_token_type must come with an actor_token'],
    [{ grant_type: 'x' }, 'The parameter grant_type is reserved'],
    [{ client_id: 'x' }, 'The parameter client_id is reserved'],
    [{ assertion: 'planted' }, 'The parameter assertion is reserved'],
    [{ resource: '/relative' }, 'The parameter resource must be an absolute URI'],
  ])('refuses %j', async (parameters, message) => {
    const promise = exchangeToken(unreachable, client, { ...subject, ...parameters });
    await expect(promise).rejects.toThrow(TypeError);
    const error: unknown = await promise.catch((reason: unknown) => reason);
    expect((error as Error).message).toContain(message);
    expect(inspectAll(error)).not.toContain('planted');
  });
});

describe('the issued type (RFC 8693 section 2.2.1)', () => {
  it.each([
    [undefined, { issued_token_type: ACCESS_TOKEN, token_type: 'Bearer' }],
    [undefined, { issued_token_type: `${TYPE}jwt`, token_type: 'Bearer' }],
    [`${TYPE}jwt`, { issued_token_type: `${TYPE}jwt`, token_type: 'N_A' }],
    [`${TYPE}id-jag`, { issued_token_type: `${TYPE}id-jag`, token_type: 'N_A' }],
  ])('asked for as %s is accepted in %j', async (requested_token_type, members) => {
    const { metadata } = await startTokenEndpoint(issued(members));
    const token = await exchangeToken(metadata, client, { ...subject, requested_token_type });
    expect(token).toMatchObject(members);
  });

  it.each<[string | undefined, object, string]>([
    [undefined, {}, 'The server issued a token without a type'],
    [undefined, { issued_token_type: '' }, 'The server issued a token without a type'],
    [undefined, { issued_token_type: null }, 'The server issued a token without a type'],
    [undefined, { issued_token_type: 1 }, 'The server issued a token of another type'],
    [ACCESS_TOKEN, {}, `The request asked for ${ACCESS_TOKEN}.`],
    [ACCESS_TOKEN, { issued_token_type: `${TYPE}jwt` }, `issued ${TYPE}jwt, by the member issued_token_type`],
    [`${TYPE}jwt`, { issued_token_type: ACCESS_TOKEN }, `The request asked for ${TYPE}jwt.`],
    [`${TYPE}id-jag`, { issued_token_type: undefined, token_type: 'N_A' }, `The request asked for ${TYPE}id-jag.`],
    [ACCESS_TOKEN, { issued_token_type: `urn:PLANTED` }, 'The server issued a token of another type'],
    [ACCESS_TOKEN, { issued_token_type: `urn:x:123456` }, 'The server issued a token of another type'],
  ])('asked for as %s is refused in %j', async (requested_token_type, members, problem) => {
    const { metadata } = await startTokenEndpoint(issued({ access_token: 'planted-at', ...members }));
    const call = exchangeToken(metadata, client, { ...subject, requested_token_type });
    const error = await rejectionOf(call);
    expect(error.code).toBe('invalid_response');
    expect(error.message).toContain(problem);
    expect(inspectAll(error)).not.toMatch(/planted|123456/i);
  });

  it('N_A is no type of an access token', async () => {
    const { metadata } = await startTokenEndpoint(exchanged({ token_type: 'N_A' }));
    const error = await rejectionOf(exchangeToken(metadata, client, subject));
    expect(error.code).toBe('unsupported_token_type');
  });
});

describe('the lifetime', () => {
  const at = NOW_MS / 1000;

  it.each<[string, object, object, { expires_in?: number; expires_at?: number }]>([
    ['is cut to that of the subject token', { exp: at + 60 }, {}, { expires_in: 60, expires_at: at + 60 }],
    [
      'is that of the subject token where the server names none',
      { exp: at + 60.9 },
      { expires_in: undefined },
      { expires_in: 60, expires_at: at + 60 },
    ],
    ['stays if it is shorter', { exp: at + 7200 }, {}, { expires_in: 3600, expires_at: at + 3600 }],
    ['stays if it is the same', { exp: at + 3600 }, {}, { expires_in: 3600, expires_at: at + 3600 }],
    ['stays if the subject token does not say when it expires', {}, {}, { expires_in: 3600, expires_at: at + 3600 }],
    ['is none if neither says it', {}, { expires_in: undefined }, {}],
  ])('%s', async (_, claims, members, expected) => {
    const { metadata } = await startTokenEndpoint(exchanged(members));
    const subject_token = unsignedJwt(claims);
    const token = await exchangeToken(metadata, client, { ...subject, subject_token }, { now });
    const { expires_in, expires_at } = token;
    expect({ expires_in, expires_at }).toEqual({ expires_in: undefined, expires_at: undefined, ...expected });
    expect(isExpired(token, { now })).toBe(false);
  });

  it('is cut to that of the token that was accepted, not of the one before', async () => {
    const { metadata } = await startTokenEndpoint(refused('invalid_request'), exchanged());
    const subject_token = async ({ rejected }: AssertionRequest): Promise<string> =>
      unsignedJwt({ exp: rejected === undefined ? at + 60 : at + 120 });
    const token = await exchangeToken(metadata, client, { ...subject, subject_token }, { now });
    expect(token).toMatchObject({ expires_in: 120, expires_at: at + 120 });
  });

  it('is not cut to that of the actor token', async () => {
    const { metadata } = await startTokenEndpoint(exchanged());
    const actor = { actor_token: unsignedJwt({ exp: at + 60 }), actor_token_type: `${TYPE}jwt` };
    expect(await exchangeToken(metadata, client, { ...subject, ...actor }, { now })).toMatchObject({
      expires_in: 3600,
    });
  });
});

describe('a refused token (RFC 8693 section 2.2.2)', () => {
  it.each([
    ['invalid_request', undefined],
    ['invalid_request', 'Invalid token'],
    ['invalid_request', 'The subject_token has expired.'],
    ['invalid_grant', 'ID token validation failed'],
    ['invalid_token', undefined],
  ])('%s with the text %s is repeated if a source has another one', async (error, text) => {
    const { metadata, forms } = await startTokenEndpoint(refused(error, text), exchanged());
    let count = 0;
    await exchangeToken(metadata, client, { ...subject, subject_token: async () => `s${(count += 1)}` });
    expect(forms()).toMatchObject([{ subject_token: 's1' }, { subject_token: 's2' }]);
  });

  it.each([
    ['invalid_request', 'audience is required'],
    ['invalid_request', 'subject_token_type is not supported'],
    ['invalid_request', 'Token Exchange is not enabled for this client'],
    ['invalid_target', 'token'],
    ['unauthorized_client', 'token'],
    ['invalid_scope', undefined],
  ])('%s with the text %s is about something else', async (error, text) => {
    const { metadata, server } = await startTokenEndpoint(refused(error, text));
    let count = 0;
    const subject_token = async (): Promise<string> => `s${(count += 1)}`;
    const refusal = await rejectionOf(exchangeToken(metadata, client, { ...subject, subject_token }));
    expect(refusal).toMatchObject({ code: 'oauth_error', error });
    expect([count, server.requests.length]).toEqual([1, 1]);
  });

  it('does not say which one, so both sources are asked, and a new one is sent beside the old one', async () => {
    const { metadata, forms } = await startTokenEndpoint(refused('invalid_request'), exchanged());
    const asked: (string | undefined)[] = [];
    const fixed = async ({ rejected }: AssertionRequest): Promise<string> => {
      asked.push(rejected);
      return 'fixed';
    };
    const changing = async ({ rejected }: AssertionRequest): Promise<string> => `new-${asked.push(rejected)}`;
    const actor = { actor_token: changing, actor_token_type: `${TYPE}jwt` };
    await exchangeToken(metadata, client, { ...subject, subject_token: fixed, ...actor });
    expect(forms()).toMatchObject([
      { subject_token: 'fixed', actor_token: 'new-2' },
      { subject_token: 'fixed', actor_token: 'new-4' },
    ]);
    expect(asked).toEqual([undefined, undefined, 'fixed', 'new-2']);
  });

  it('says that both were sent, and what to check', async () => {
    const { metadata } = await startTokenEndpoint(refused('invalid_request'));
    const one = await rejectionOf(exchangeToken(metadata, client, subject));
    expect(one.message).toMatch(/The subject_token was sent to it\. Check that it trusts the issuer/);
    const actor = { actor_token: 'planted-actor', actor_token_type: `${TYPE}jwt` };
    const both = await rejectionOf(exchangeToken(metadata, client, { ...subject, ...actor }));
    expect(both.message).toMatch(/The subject_token and the actor_token were sent to it\./);
    expect(inspectAll(both)).not.toContain('planted');
  });
});
