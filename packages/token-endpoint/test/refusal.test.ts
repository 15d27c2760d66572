import { type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import type { ClientAuthentication } from '@oa/client-authentication';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { OAuthError, type OAuthErrorCode, type OAuthErrorDetails } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { refreshRefusal, refreshToken } from '@oa/token-endpoint';

const client = { client_id: 'c' };
const old = { access_token: 'old-at', token_type: 'Bearer', refresh_token: 'old-rt', scope: 'a b' };
const TEXT = { 'content-type': 'text/plain' };
const HTML = { 'content-type': 'text/html' };
const FORM = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };

/** The error of a refresh that gets this reply, and the number of requests. */
async function refused(reply: Reply): Promise<{ error: OAuthError; requests: number }> {
  await using server = await startScriptedServer(() => reply);
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const error = await rejectionOf(refreshToken(metadata, client, old, {}, { timeout: 2000 }));
  expect(inspectAll(error)).not.toContain('old-rt');
  return { error, requests: server.requests.length };
}

function grade(code: OAuthErrorCode, details: OAuthErrorDetails): string | undefined {
  return refreshRefusal(new OAuthError(code, '', details));
}

describe('a definite refusal', () => {
  it.each<[string, Reply]>([
    ['invalid_grant', { status: 400, json: { error: 'invalid_grant' } }],
    ...[200, 400, 401, 403, 404, 422, 429, 500, 503].map((status): [string, Reply] => [
      `invalid_grant with status ${status}`,
      { status, json: { error: 'invalid_grant' } },
    ]),
    ['a nested code', { status: 400, json: { error: { code: 'invalid_grant', message: 'No.' } } }],
    ['a nested code in a 200', { json: { error: { code: 'invalid_grant' } } }],
    ['a nested type', { status: 400, json: { error: { type: 'invalid_grant', message: 'No.' } } }],
    ['a code in upper case', { status: 400, json: { error: 'INVALID_GRANT' } }],
    ['a code in another member', { status: 400, json: { code: 'invalid_grant', message: 'No.' } }],
    ['a code in a list', { status: 400, json: { errors: [{ code: 'invalid_grant', message: 'No.' }] } }],
    ['the code of GitHub', { json: { error: 'bad_refresh_token', error_description: 'It is incorrect.' } }],
    ['the code of GitHub as a form', { body: 'error=bad_refresh_token&error_description=No.', headers: FORM }],
    ['the code of GitHub with status 503', { status: 503, json: { error: 'bad_refresh_token' } }],
    ['a code that names the refresh token', { status: 400, json: { error: 'refresh_token_already_used' } }],
    ['another', { json: { ok: false, error: 'invalid_refresh_token' } }],
    [
      'a nested code that names it',
      { status: 401, json: { error: { code: 'REFRESH_TOKEN_EXPIRED', message: 'No.' } } },
    ],
    ['a code of a token', { json: { ok: false, error: 'token_revoked' } }],
    [
      'unauthorized_client about the refresh token',
      { status: 403, json: { error: 'unauthorized_client', error_description: 'refresh_token is invalid' } },
    ],
    [
      'unauthorized_client about the refresh token with status 401',
      { status: 401, json: { error: 'unauthorized_client', error_description: 'refresh_token is invalid' } },
    ],
    [
      'unauthorized_client about the client of the refresh token',
      {
        status: 400,
        json: { error: 'unauthorized_client', error_description: 'The refresh token was issued to another client.' },
      },
    ],
    [
      'invalid_request about a token',
      { status: 400, json: { error: 'invalid_request', error_description: 'Token is expired' } },
    ],
    [
      'invalid_client about the refresh token',
      { status: 400, json: { error: 'invalid_client', error_description: 'Unknown refresh token' } },
    ],
    ['interaction_required', { status: 400, json: { error: 'interaction_required' } }],
    ['login_required', { status: 400, json: { error: 'login_required' } }],
    ['consent_required', { status: 400, json: { error: 'consent_required' } }],
    ['plain text', { status: 400, body: 'invalid_grant', headers: TEXT }],
    ['a sentence', { status: 401, json: { error: 'Invalid refresh token' } }],
    ['a sentence with status 500', { status: 500, json: { error: 'Invalid refresh token' } }],
    ['a message', { status: 403, json: { message: 'The refresh_token has expired.' } }],
    ['a message without an error in a 200', { json: { errcode: 42_002, errmsg: 'refresh_token expired' } }],
    ['a form that is sent back', { status: 422, json: { errors: { refresh_token: ['is invalid'] } } }],
    [
      'a list of faults',
      {
        status: 400,
        json: {
          message: 'Bad Request',
          errors: [{ resource: 'RefreshToken', field: 'refresh_token', code: 'invalid' }],
        },
      },
    ],
    [
      'a list of faults with paths',
      { status: 422, json: { detail: [{ loc: ['body', 'refresh_token'], msg: 'expired' }] } },
    ],
    [
      'a redeemed token',
      {
        status: 400,
        json: { error: 'invalid_token', error_description: 'The refresh token has already been redeemed.' },
      },
    ],
    ['an inactive token', { status: 401, json: { error: 'token_inactive', error_description: 'It is malformed.' } }],
    ['a token that is not named', { status: 401, json: { detail: 'Token is invalid or expired' } }],
    ['XML', { status: 400, body: '<error>invalid_grant</error>', headers: { 'content-type': 'application/xml' } }],
  ])('is %s', async (_, reply) => {
    const { error, requests } = await refused(reply);
    expect(refreshRefusal(error)).toBe('definite');
    expect(error).toMatchObject({ code: 'oauth_error', retryable: false, status: reply.status ?? 200 });
    expect(requests).toBe(1);
  });

  it('keeps the code and the text of the server', async () => {
    const json = { error: 'unauthorized_client', error_description: 'refresh_token is invalid' };
    expect((await refused({ status: 403, json })).error).toMatchObject(json);
    const message = 'Your refresh token has expired, sorry.';
    const { error } = await refused({ status: 403, json: { message } });
    expect(error.error_description).toBe(message);
    expect(error.message).toContain(message);
    expect((await refused({ json: { code: 7, msg: message } })).error.error).toBe('invalid_grant');
  });
});

describe('a probable refusal', () => {
  it.each<[string, Reply]>([
    ['an empty 400', { status: 400 }],
    ['an empty 403', { status: 403, body: ' \n' }],
    ['invalid_request', { status: 400, json: { error: 'invalid_request' } }],
    [
      'a rate limit',
      { status: 400, json: { error: 'invalid_request', error_description: 'Too many refresh token requests' } },
    ],
    [
      'a rate limit about used tokens',
      { status: 400, json: { error: 'invalid_request', error_description: 'Refresh token was used too often' } },
    ],
    ['a bare sentence', { status: 400, json: { error: 'Bad request' } }],
    ['a bare sentence as text', { status: 403, body: 'Forbidden', headers: TEXT }],
    ['a nested sentence', { status: 400, json: { error: { code: 190, message: 'Malformed' } } }],
    ['unauthorized_client', { status: 400, json: { error: 'unauthorized_client' } }],
    [
      'unauthorized_client about the grant',
      {
        status: 400,
        json: { error: 'unauthorized_client', error_description: 'The client may not use the grant refresh_token.' },
      },
    ],
    ...[
      'Grant type refresh_token is unknown',
      "The grant type 'refresh_token' is not valid for this client.",
      'grant_type=refresh_token is not valid for this client',
    ].map((error_description): [string, Reply] => [
      `a grant that is refused: ${error_description}`,
      { status: 400, json: { error: 'unsupported_grant_type', error_description } },
    ]),
    [
      'a clock that is slow',
      { status: 400, json: { error: 'invalid_request', error_description: 'The refresh token is not yet valid' } },
    ],
    [
      'a list of faults of another member',
      {
        status: 422,
        json: {
          errors: [{ field: 'scope', code: 'invalid', input: { grant_type: 'refresh_token', scope: 'expired' } }],
        },
      },
    ],
    ['an empty 401 to a client that has no secret', { status: 401 }],
    [
      'server_error with status 401',
      { status: 401, json: { error: 'server_error', error_description: 'access_denied' } },
    ],
    ['invalid_scope', { status: 400, json: { error: 'invalid_scope' } }],
    ['an unknown code in a 200', { json: { error: 'oops' } }],
  ])('is %s', async (_, reply) => {
    const { error, requests } = await refused(reply);
    expect(refreshRefusal(error)).toBe('probable');
    expect(error).toMatchObject({ code: 'oauth_error', retryable: false });
    expect(requests).toBe(1);
  });

  it('says what the server said', async () => {
    const { error } = await refused({ status: 403, body: 'Come back on Monday.', headers: TEXT });
    expect(error.message).toContain('status 403');
    expect(error.message).toContain('The server says: "Come back on Monday."');
  });
});

describe('no refusal', () => {
  it.each<[string, Reply, number]>([
    ['429', { status: 429, headers: { 'retry-after': '900' } }, 1],
    ['429 about refresh tokens', { status: 429, json: { message: 'Invalid refresh token' } }, 1],
    ['500', { status: 500 }, 1],
    ['500 about a token', { status: 500, json: { message: 'Token expired' } }, 1],
    ['503', { status: 503 }, 1],
    ['503 with a code', { status: 503, json: { error: 'invalid_request' } }, 1],
    ['temporarily_unavailable', { status: 400, json: { error: 'temporarily_unavailable' } }, 1],
    ['invalid_client', { status: 401, json: { error: 'invalid_client' } }, 1],
    ...['incorrect_client_credentials', 'bad_client_secret', 'invalid_client_id', 'deleted_client'].map(
      (error): [string, Reply, number] => [error, { json: { error } }, 1],
    ),
    [
      'an expired assertion of the client',
      { status: 400, json: { error: 'invalid_client', error_description: 'Token has expired' } },
      1,
    ],
    [
      'a client or a refresh token',
      { status: 401, json: { error: 'invalid_client', error_description: 'Invalid client or invalid refresh token' } },
      1,
    ],
    [
      'a missing client_id',
      { status: 400, json: { error: 'invalid_request', error_description: 'client_id missing' } },
      1,
    ],
    ["a gateway's page", { status: 403, body: '<h1>Blocked</h1>', headers: HTML }, 1],
    ['a page without a label', { status: 403, body: '\n<!doctype html><p>Forbidden' }, 1],
    ['a page about refresh tokens', { status: 400, body: 'invalid_grant', headers: HTML }, 1],
    ['403 with a Retry-After', { status: 403, headers: { 'retry-after': '60' }, json: { message: 'Slow down' } }, 1],
    ['400 with a Retry-After', { status: 400, headers: { 'retry-after': '60' }, json: { error: 'limited' } }, 1],
    ['a 404', { status: 404 }, 1],
    ['a 404 with a sentence', { status: 404, json: { message: 'No such route' } }, 1],
    ['a 404 with a code', { status: 404, json: { error: 'not_found' } }, 1],
    ['a 405 with a code', { status: 405, json: { error: 'method_not_allowed' } }, 1],
    ['a 410 with a code', { status: 410, json: { error: 'gone' } }, 1],
    ['HTML', { body: '<p>', headers: HTML }, 1],
    ['truncated JSON', { body: '{"access_token"', headers: { 'content-type': 'application/json' } }, 2],
    ['a dropped connection', { drop: 'request' }, 2],
    ['silence', { drop: 'never' }, 1],
  ])('is no refusal: %s', async (_, reply, requests) => {
    const outcome = await refused(reply);
    expect(refreshRefusal(outcome.error)).toBeUndefined();
    expect(outcome.requests).toBe(requests);
  });

  it('is a refusal: an empty 401 to a client without a secret that adds a DPoP proof', async () => {
    await using server = await startScriptedServer(() => ({ status: 401 }));
    const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
    const authentication: ClientAuthentication = ({ refusal }) =>
      refusal === undefined ? { builtIn: true, headers: { dpop: 'proof' }, token_type: 'DPoP' } : undefined;
    const error = await rejectionOf(refreshToken(metadata, client, old, {}, { authentication }));
    expect(refreshRefusal(error)).toBe('probable');
  });

  it('is no refusal: an empty 401 to a client that authenticates', async () => {
    await using server = await startScriptedServer(() => ({ status: 401 }));
    const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
    const error = await rejectionOf(refreshToken(metadata, { ...client, client_secret: 's' }, old));
    expect(refreshRefusal(error)).toBeUndefined();
    const authentication: ClientAuthentication = () => ({ parameters: { client_assertion: 'a' } });
    const other = await rejectionOf(refreshToken(metadata, client, old, {}, { authentication }));
    expect(refreshRefusal(other)).toBeUndefined();
  });

  it('is a token, whatever the texts beside it', async () => {
    const json = { access_token: 'at', token_type: 'Bearer', message: 'The old refresh token is expired.' };
    await using server = await startScriptedServer(() => ({ json }));
    const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
    expect(await refreshToken(metadata, client, old)).toMatchObject(json);
  });
});

it('reports a Retry-After of 15 minutes at once', async () => {
  const { error } = await refused({ status: 429, headers: { 'retry-after': '900' } });
  expect(error).toMatchObject({ status: 429, retryable: true, retryAfter: 900 });
});

it('grades by the members of the error', () => {
  expect(grade('oauth_error', { error: 'invalid_grant' })).toBe('definite');
  expect(grade('oauth_error', { error: 'unauthorized_client', error_description: 'refresh_token is invalid' })).toBe(
    'definite',
  );
  expect(grade('oauth_error', { status: 400 })).toBe('probable');
  expect(grade('oauth_error', { error: 'use_dpop_nonce' })).toBeUndefined();
  expect(grade('oauth_error', { error: 'invalid_grant', retryable: true })).toBeUndefined();
  for (const code of ['http_error', 'network_error', 'storage_unavailable', 'lock_timeout'] as const)
    expect(grade(code, { error: 'invalid_grant' })).toBeUndefined();
});

it('shows no secret that the server sends back in a text of its own', async () => {
  const planted = 'Planted-Secret.0123456789';
  const text = `Refresh token ${planted} is invalid`;
  const replies: Reply[] = [
    { status: 400, body: text, headers: TEXT },
    { status: 400, json: { error: { code: 'x', message: text, refresh_token: planted } } },
    { status: 400, json: { errors: [{ detail: text }] } },
    { status: 403, json: { message: text } },
    { json: { msg: text } },
    { json: { error: planted } },
    { json: { error: { message: planted } } },
    { status: 400, json: { error: { code: planted.toLowerCase() } } },
    { body: `error=${planted}&error_description=${text}`, headers: FORM },
    { body: `error=x&refresh_token=${planted}`, headers: FORM },
    { json: { [planted]: 1 } },
  ];
  for (const reply of replies) {
    await using server = await startScriptedServer(() => reply);
    const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
    const error = await rejectionOf(refreshToken(metadata, client, { ...old, refresh_token: planted }));
    expect(inspectAll(error).toLowerCase()).not.toContain(planted.toLowerCase());
  }
});
