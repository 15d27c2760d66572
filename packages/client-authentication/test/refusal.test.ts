import { type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { isClientRefused } from '@oa/client-authentication/refusal';
import { OAuthError, type OAuthErrorDetails } from '@oa/types';
import { DEVICE_CODE_GRANT_TYPE } from '@oa/types/rfc';
import { describe, expect, it } from 'vitest';
import { postGrant } from './post.ts';
import { basicCredentials, newMetadata, ODD_SECRET, token } from './requests.ts';

const client = { client_id: 'c', client_secret: ODD_SECRET };
const grant = { grant_type: 'client_credentials' };

describe('a refusal of the client (RFC 6749 section 5.2)', () => {
  it.each<[string, Reply]>([
    ['400 invalid_client', { status: 400, json: { error: 'invalid_client' } }],
    ['401 unauthorized_client of Keycloak', { status: 401, json: { error: 'unauthorized_client' } }],
    [
      '400 unauthorized_client of Gitea',
      { status: 400, json: { error: 'unauthorized_client', error_description: 'invalid client secret' } },
    ],
    ['401 without a body', { status: 401 }],
    ['403 without a body', { status: 403 }],
    ['400 without a body', { status: 400 }],
    ['401 as plain text', { status: 401, body: 'Unauthorized', headers: { 'content-type': 'text/plain' } }],
    ['401 of a framework', { status: 401, json: { error: 'Unauthorized', message: 'Bad credentials' } }],
    ['200 with an error', { json: { error: 'invalid_client' } }],
    ...['incorrect_client_credentials', 'bad_client_secret', 'invalid_client_id', 'deleted_client'].map(
      (error): [string, Reply] => [error, { json: { error } }],
    ),
  ])('is %s: an idempotent request is sent by another method', async (_, reply) => {
    await using server = await startScriptedServer((_request, index) => (index === 0 ? reply : { json: token }));
    await postGrant(newMetadata(server), client, grant);
    expect(server.requests).toHaveLength(2);
  });

  it.each<[string, Reply]>([
    ['500', { status: 500 }],
    ['400 invalid_grant', { status: 400, json: { error: 'invalid_grant' } }],
    ['401 invalid_grant', { status: 401, json: { error: 'invalid_grant' } }],
    ['400 unauthorized_client', { status: 400, json: { error: 'unauthorized_client' } }],
    [
      '401 unauthorized_client about the refresh token',
      { status: 401, json: { error: 'unauthorized_client', error_description: 'refresh_token is invalid' } },
    ],
    ['400 invalid_request', { status: 400, json: { error: 'invalid_request', error_description: 'no scope' } }],
  ])('is not %s: the request is not sent again', async (_, reply) => {
    await using server = await startScriptedServer(() => reply);
    await rejectionOf(postGrant(newMetadata(server), client, grant));
    expect(server.requests).toHaveLength(1);
  });

  it.each(['authorization_code', 'refresh_token', DEVICE_CODE_GRANT_TYPE])(
    'must be in words before a request with %s is sent again',
    async (grant_type) => {
      const single = { grant_type, code: 'works-once' };
      for (const reply of [{ status: 401 }, { status: 400 }, { status: 403 }, { status: 401, json: { error: 'x' } }]) {
        await using server = await startScriptedServer(() => reply);
        await rejectionOf(postGrant(newMetadata(server), client, single));
        expect(server.requests).toHaveLength(1);
      }
      const keycloak = { status: 401, json: { error: 'unauthorized_client' } };
      await using other = await startScriptedServer((_, index) => (index === 0 ? keycloak : { json: token }));
      await postGrant(newMetadata(other), client, single);
      await using server = await startScriptedServer((request) =>
        basicCredentials(request, (text) => text)?.[1] === ODD_SECRET
          ? { json: token }
          : { status: 401, json: { error: 'invalid_client' } },
      );
      await postGrant(newMetadata(server), client, single);
      expect(server.requests.map(({ form }) => form.get('code'))).toEqual(['works-once', 'works-once']);
    },
  );

  it('is an invalid_request only if it is about client_id or client_secret', () => {
    const isRefused = (details: OAuthErrorDetails): boolean =>
      isClientRefused(new OAuthError('oauth_error', '', { error: 'invalid_request', ...details }), false);
    expect(isRefused({ error_description: 'client_id missing' })).toBe(true);
    expect(isRefused({ error_description: 'no CLIENT_SECRET' })).toBe(true);
    expect(isRefused({ error_description: 'scope missing' })).toBe(false);
    expect(isRefused({})).toBe(false);
  });
});
