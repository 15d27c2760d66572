import { type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { looseObject, string } from 'valibot';
import { expect, it } from 'vitest';
import { getJson, readError, readJson, request } from '@oa/http';

const schema = looseObject({ name: string() });

async function answered(reply: Reply): Promise<unknown> {
  await using server = await startScriptedServer(() => reply);
  return await getJson(`${server.origin}/a`, schema, { idempotent: false });
}

it.each<[string, Reply, object]>([
  [
    'an OAuth error',
    { status: 400, json: { error: 'invalid_grant' } },
    { code: 'oauth_error', error: 'invalid_grant' },
  ],
  [
    'an OAuth error with all members',
    { status: 401, json: { error: 'invalid_client', error_description: 'No', error_uri: 'https://x/' } },
    { code: 'oauth_error', error: 'invalid_client', error_description: 'No', error_uri: 'https://x/' },
  ],
  [
    'an error in a 200',
    { json: { ok: false, error: 'invalid_code', name: 'x' } },
    { code: 'oauth_error', error: 'invalid_code', status: 200, retryable: false },
  ],
  [
    'a temporary OAuth error',
    { status: 400, json: { error: 'temporarily_unavailable' } },
    { code: 'oauth_error', retryable: true },
  ],
  [
    'free text instead of a code',
    { status: 400, json: { error: 'Invalid credentials!' } },
    { code: 'http_error', error: undefined, error_description: 'Invalid credentials!' },
  ],
  [
    'free text with a description',
    { status: 400, json: { error: 'Bad Token', error_description: 'It is bad' } },
    { code: 'oauth_error', error: 'Bad Token', error_description: 'It is bad' },
  ],
  [
    'an error of a framework',
    { status: 500, json: { status: 500, error: 'Internal Server Error', message: 'oops' } },
    { code: 'http_error', error: undefined, error_description: 'oops', retryable: true },
  ],
  [
    'an error that is an object',
    { status: 400, json: { error: { code: 190, message: 'Malformed' } } },
    { code: 'http_error', error_description: 'Malformed' },
  ],
  [
    'a nested error',
    { status: 400, json: { error: { code: 'invalid_scope', message: 'No such scope.' } } },
    { code: 'oauth_error', error: 'invalid_scope', error_description: 'No such scope.' },
  ],
  [
    'a nested error in a 200',
    { json: { error: { type: 'INVALID_CLIENT', detail: 'Who?' } } },
    { code: 'oauth_error', error: 'invalid_client', error_description: 'Who?', status: 200 },
  ],
  [
    'a nested text in a 200',
    { json: { error: { code: 7, message: 'It is closed.' } } },
    { code: 'oauth_error', error: 'It is closed.', error_description: 'It is closed.' },
  ],
  [
    'an error code of Okta',
    { status: 400, json: { errorCode: 'invalid_client', errorSummary: 'No client.' } },
    { code: 'oauth_error', error: 'invalid_client', error_description: 'No client.' },
  ],
  [
    'another error code',
    { status: 400, json: { errorCode: 'E0000022', errorSummary: 'No.' } },
    { code: 'http_error', error: undefined, error_description: 'No.' },
  ],
  [
    'a form',
    { body: 'error=bad_verification_code&error_description=It+is+wrong%21&error_uri=https%3A%2F%2Fx%2F' },
    { code: 'oauth_error', error: 'bad_verification_code', error_description: 'It is wrong!', error_uri: 'https://x/' },
  ],
  [
    'a sentence as plain text',
    { status: 403, body: ' Come back on Monday.\n', headers: { 'content-type': 'text/plain; charset=utf-8' } },
    { code: 'http_error', error_description: 'Come back on Monday.' },
  ],
  [
    'a text in another member',
    { status: 400, json: { errcode: 5, errmsg: 'No.' } },
    { code: 'http_error', error_description: 'No.' },
  ],
  [
    'plain text',
    { status: 401, body: 'invalid_client', headers: { 'content-type': 'text/plain' } },
    { code: 'http_error', status: 401 },
  ],
  [
    'HTML',
    { status: 403, body: '<h1>Forbidden</h1>', headers: { 'content-type': 'text/html' } },
    { code: 'http_error', status: 403 },
  ],
  ['an empty body', { status: 403 }, { code: 'http_error', status: 403, retryable: false }],
  ['an array', { status: 400, json: [{ error: 'x' }] }, { code: 'http_error', status: 400 }],
  ['members of a wrong type', { status: 400, json: { error: null, error_description: 5 } }, { code: 'http_error' }],
  ['a 404', { status: 404 }, { code: 'http_error', status: 404 }],
  [
    'a 503 with Retry-After',
    { status: 503, json: { error: 'temporarily_unavailable' }, headers: { 'retry-after': '7' } },
    { code: 'oauth_error', status: 503, retryable: true, retryAfter: 7 },
  ],
])('reads %s (RFC 6749 section 5.2)', async (_, reply, expected) => {
  const error = Object.assign({ error: undefined }, await rejectionOf(answered(reply)));
  expect(error).toMatchObject(expected);
});

it.each<[Reply, string]>([
  [{ status: 404 }, 'answered with status 404. Check the address.'],
  [{ status: 429 }, 'answered with status 429. Try again later.'],
  [
    { status: 429, headers: { 'retry-after': '30' } },
    'answered with status 429. Try again later. The server asks to wait 30 seconds.',
  ],
  [
    { status: 503, json: { error: 'temporarily_unavailable' }, headers: { 'retry-after': '900' } },
    'refused the request with temporarily_unavailable. Try again later. The server asks to wait 900 seconds (about 15 minutes).',
  ],
  [{ status: 500, json: { message: 'oops' } }, 'answered with status 500. Try again later. The server says: "oops".'],
  [{ status: 403, json: { message: 'no' } }, 'answered with status 403. The server says: "no".'],
  [
    { status: 400, json: { error: 'invalid_grant' } },
    'refused the request with invalid_grant. The code, the refresh token or the assertion is invalid, expired, revoked or used. Log in again, or get a new assertion.',
  ],
  [
    { status: 400, json: { error: 'invalid_scope', error_description: 'no' } },
    'refused the request with invalid_scope. The server says: "no". Check the scope: the server does not know one of them, or does not allow it to this client.',
  ],
  [
    { status: 400, json: { error: 'unauthorized_client' } },
    'refused the request with unauthorized_client. Check at the server that this client may use this grant.',
  ],
  [{ status: 400, json: { error: 'constructor' } }, 'refused the request with constructor.'],
  [
    { status: 400, json: { error: 'invalid_grant', error_description: `It's "old"${'.'.repeat(500)}` } },
    `refused the request with invalid_grant. The server says: "It's old${'.'.repeat(392)}...". The code, the refresh token or the assertion is invalid, expired, revoked or used. Log in again, or get a new assertion.`,
  ],
])('says of %j what to do, and quotes the server', async (reply, message) => {
  const { message: text } = await rejectionOf(answered(reply));
  expect(text.slice(text.indexOf(' ') + 1)).toBe(message);
});

it('says where the credentials of a proxy go, if a runtime hands its 407 over (RFC 9110 section 15.5.8)', async () => {
  const fetch = async (): Promise<Response> => new Response('no', { status: 407 });
  const { message } = await rejectionOf(getJson('https://as.example/a', schema, { fetch }));
  expect(message).toContain('407. A proxy wants credentials: put them into the URL of the proxy, as in HTTPS_PROXY=');
});

it('keeps an escape sequence of a description away from the terminal (RFC 6749 section 5.2)', async () => {
  const json = { error: 'invalid_grant', error_description: '\u001B[31mred\u0007\n\u202E"\\' };
  const error = await rejectionOf(answered({ status: 400, json }));
  expect(error.error_description).toBe('[31mred');
  expect(error.message).not.toMatch(/[^\x20-\x7e]/);
});

it.each<Reply>([
  { status: 400, body: '<p>No', headers: { 'content-type': 'text/plain' } },
  { status: 400, body: 'No', headers: { 'content-type': 'text/html' } },
  { status: 400, body: 'x'.repeat(501) },
  { status: 400, body: ' ' },
])('quotes no page and no long text: %j', async (reply) => {
  expect(await rejectionOf(answered(reply))).not.toHaveProperty('error_description');
});

it('does not repeat a secret beside a nested message', async () => {
  const error = { code: 'x', message: 'It is planted-words-only.', refresh_token: 'planted-words-only' };
  for (const status of [200, 400])
    expect(await rejectionOf(answered({ status, json: { error } }))).toMatchObject({
      code: 'oauth_error',
      error_description: 'It is ***.',
    });
});

it.each([null, '', false, 0, {}, [], { code: 0 }])('ignores the error %j in a good answer', async (error) => {
  expect(await answered({ json: { name: 'x', error } })).toHaveProperty('name');
});

it('ignores the Retry-After of a success (RFC 9110 section 10.2.3)', async () => {
  const error = await rejectionOf(answered({ json: { error: 'x' }, headers: { 'retry-after': '7' } }));
  expect(error).not.toHaveProperty('retryAfter');
});

it("counts a date in Retry-After from the caller's clock where the answer has no date", async () => {
  const headers = { 'retry-after': 'Sun, 22 Nov 2026 08:15:00 GMT', date: '' };
  await using server = await startScriptedServer(() => ({ status: 503, headers }));
  const response = await request('POST', server.origin, { now: () => Date.UTC(2026, 10, 22, 8, 0, 0) });
  expect(await readError(response)).toMatchObject({ code: 'http_error', status: 503, retryAfter: 900 });
  await expect(readJson(response, schema)).rejects.toThrow('status 503. Try again later.');
});

it('quotes a long description up to the sentence that says what to change, and no empty one', async () => {
  const message = async (error_description: string): Promise<string> =>
    (await rejectionOf(answered({ status: 401, json: { error: 'invalid_client', error_description } }))).message;
  const change = "The client supports 'client_secret_post', but 'client_secret_basic' was requested.";
  expect(await message(`${'Client authentication failed. '.repeat(8)}${change}`)).toContain(change);
  expect(await message('Failed. '.repeat(60))).toContain(`..."`);
  expect(await message('客户端认证失败')).not.toContain('The server says');
});

it('says after an invalid_request what to do', async () => {
  const { message } = await rejectionOf(answered({ status: 400, json: { error: 'invalid_request' } }));
  expect(message).toMatch(/ A parameter is missing or not accepted\. Compare the request with .*\.$/);
});
