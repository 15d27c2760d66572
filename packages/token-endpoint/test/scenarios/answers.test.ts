import { type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { requestToken } from '@oa/token-endpoint';
import { describe, expect, it } from 'vitest';
import { NOW_MS, tokenFrom } from '../token-from.ts';

const FORM = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
const TOKEN = '{"access_token":"at","token_type":"Bearer","refresh_token":"rt"}';

/** A Latin-1 text beside the token: the byte E9 is no UTF-8. */
function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.codePointAt(0) ?? 0);
}

describe('a token is read', () => {
  it.each([
    'text/html',
    'text/html; charset=iso-8859-1',
    'text/plain',
    'text/javascript',
    'application/xml',
    'application/octet-stream',
    'nonsense',
    '',
  ])('as JSON with the content type %j', async (type) => {
    const headers: Reply['headers'] = type === '' ? {} : { 'content-type': type };
    expect(await tokenFrom({ body: TOKEN, headers })).toMatchObject({ access_token: 'at', refresh_token: 'rt' });
  });

  it.each(['\uFEFF', '\uFEFF\uFEFF', '\uFEFF\r\n '])('behind the byte order mark %j', async (mark) => {
    expect(await tokenFrom({ body: `${mark}${TOKEN}` })).toMatchObject({ access_token: 'at' });
  });

  it.each(['application/x-www-form-urlencoded', FORM['content-type'], 'text/plain', 'text/html', ''])(
    'as a form with the content type %j',
    async (type) => {
      const body = 'access_token=a%2Bt&expires_in=60&refresh_token=rt&scope=repo%2Cgist&token_type=bearer';
      const headers: Reply['headers'] = type === '' ? {} : { 'content-type': type };
      expect(await tokenFrom({ body, headers })).toEqual({
        access_token: 'a+t',
        token_type: 'Bearer',
        expires_in: 60,
        expires_at: Math.floor(NOW_MS / 1000) + 60,
        refresh_token: 'rt',
        scope: 'repo,gist',
      });
    },
  );

  it('beside a text that is not UTF-8', async () => {
    const body = latin1('{"access_token":"at","token_type":"Bearer","name":"Andr\u00E9"}');
    expect(await tokenFrom({ body })).toMatchObject({ access_token: 'at' });
    expect(await tokenFrom({ body: 'access_token=at&name=Andr%E9', headers: FORM })).toMatchObject({
      access_token: 'at',
    });
  });
});

describe('a token is refused', () => {
  it.each(['access_token', 'refresh_token', 'id_token'])('if its %s is not UTF-8', async (name) => {
    const members = { access_token: 'at', token_type: 'Bearer', [name]: 'planted-\u00E9' };
    const error = await rejectionOf(tokenFrom({ body: latin1(JSON.stringify(members)) }));
    expect(error.code).toBe('invalid_json');
    expect(inspectAll(error)).not.toContain('planted');
  });

  it.each<[string, Reply, string]>([
    [
      'an answer with an id_token only',
      { json: { id_token: 'planted', token_type: 'Bearer' } },
      'Member access_token is missing; the answer has id_token, token_type.',
    ],
    ['an empty answer', { json: {} }, 'Member access_token is missing; the answer is empty.'],
  ])('if it is missing, and the error says what is there: %s', async (_, reply, message) => {
    const error = await rejectionOf(tokenFrom(reply));
    expect(error.code).toBe('invalid_response');
    expect(error.message).toContain(message);
    expect(inspectAll(error)).not.toContain('planted');
  });

  it('if a page only mentions one', async () => {
    const body = '<html><p>access_token=at&token_type=Bearer';
    const error = await rejectionOf(tokenFrom({ body, headers: { 'content-type': 'text/html' } }));
    expect(error.code).toBe('unexpected_content_type');
  });
});

describe('an error is read', () => {
  it.each(['application/x-www-form-urlencoded', FORM['content-type'], 'text/plain', ''])(
    'from a form with status 200 and the content type %j',
    async (type) => {
      const headers: Reply['headers'] = type === '' ? {} : { 'content-type': type };
      const body =
        'error=bad_verification_code&error_description=It+is+expired.&error_uri=https%3A%2F%2Fdocs.example%2F';
      expect(await rejectionOf(tokenFrom({ body, headers }))).toMatchObject({
        code: 'oauth_error',
        error: 'bad_verification_code',
        error_description: 'It is expired.',
        error_uri: 'https://docs.example/',
        status: 200,
      });
    },
  );

  it('beside a token in a form, without the token', async () => {
    const error = await rejectionOf(tokenFrom({ body: 'error=x&access_token=planted-at-1', headers: FORM }));
    expect(error).toMatchObject({ code: 'oauth_error', error: 'x' });
    expect(inspectAll(error)).not.toContain('planted');
  });

  it('without the secret that a form repeats', async () => {
    const secret = 'planted secret/0123456789';
    const bodies = [
      `error=invalid_request&error_description=${encodeURIComponent(`no ${secret}`)}`,
      `error=${encodeURIComponent(secret)}`,
      `error=x&error_uri=${encodeURIComponent(`https://as.example/?${new URLSearchParams({ s: secret }).toString()}`)}`,
    ];
    for (const body of bodies) {
      await using server = await startScriptedServer(() => ({ status: 400, body, headers: FORM }));
      const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
      const client = { client_id: 'c', client_secret: secret };
      const error = await rejectionOf(requestToken(metadata, client, { grant_type: 'authorization_code', code: 'x' }));
      expect(inspectAll(error)).not.toMatch(/0123456789/);
    }
  });
});
