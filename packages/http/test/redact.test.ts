import { startScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { isOAuthError } from '@oa/types';
import { formEncode, toErrorText } from '@oa/types/rfc';
import { looseObject, string } from 'valibot';
import { describe, expect, it } from 'vitest';
import { getJson, postForm, postJson, request, readError } from '@oa/http';

const schema = looseObject({ name: string() });
const SECRET = 's+é&=%/~: x"q';
const form = {
  grant_type: 'authorization_code',
  client_id: 'the-client',
  client_secret: SECRET,
  code: 'code-4f9a',
  code_verifier: 'verifier-51c2',
  refresh_token: 'refresh-90ab',
  token: 'token-77de',
  client_assertion: 'eyJhbGciOi.assertion.sig',
  extension_proof: 'proof-1b2c',
};
const credentials = btoa(`the-client:${formEncode(SECRET)}`);
const headers = { authorization: `Basic ${credentials}`, dpop: 'eyJ0eXAiOi.proof.sig' };

/** Every spelling of every secret above. */
const secrets = [
  ...Object.entries(form).flatMap(([name, value]) => (name === 'grant_type' || name === 'client_id' ? [] : [value])),
  credentials,
  headers.dpop,
  encodeURIComponent(SECRET),
  encodeURIComponent(SECRET).toLowerCase(),
  formEncode(SECRET),
  Buffer.from(SECRET).toString('base64'),
];

function expectClean(error: unknown): void {
  expect(isOAuthError(error)).toBe(true);
  const text = inspectAll(error);
  for (const secret of secrets) {
    expect(text).not.toContain(secret);
    expect(text).not.toContain(toErrorText(secret));
  }
}

describe('an error repeats no secret (RFC 6750 section 5.3)', () => {
  it.each(secrets)('of a server that echoes %s', async (secret) => {
    await using server = await startScriptedServer(() => ({
      status: 400,
      json: {
        error: 'invalid_grant',
        error_description: `bad ${secret} for the-client`,
        error_uri: `https://x/?${secret}`,
      },
    }));
    const error = await rejectionOf(postForm(`${server.origin}/`, form, schema, { headers }));
    expectClean(error);
    expect(error).toMatchObject({ error: 'invalid_grant', error_description: 'bad *** for the-client' });
  });

  it('in pieces, as base64url, or after the name of a secret that this process has not seen', async () => {
    const refresh_token = 'a-Refresh.Token?of>40_characters~~~~:0123456789';
    const texts = [
      ['token a-refresh.token... is unknown', 'token ***... is unknown'],
      ['ends in 40_CHARACTERS~', 'ends in ***'],
      [`sub ${Buffer.from(refresh_token).toString('base64url')}`, 'sub ***'],
      ['got {"access_token":"0123456789abcdef","expires_in":3600}', 'got {access_token:***,expires_in:3600}'],
      ['client_secret = 0123456789abcdef; Code: 12', 'client_secret = ***; Code: 12'],
      ['assertion=abcdefghijklmnop is old', 'assertion=*** is old'],
      ['subject_token: abcdefghijklmnop, actor_token=abcdefghijklmnop', 'subject_token: ***, actor_token=***'],
      ['the refresh_token: too old, password reset required', 'the refresh_token: too old, password reset required'],
    ];
    for (const [said = '', shown] of texts) {
      await using server = await startScriptedServer(() => ({
        status: 400,
        json: { error: 'invalid_grant', error_description: said },
      }));
      const error = await rejectionOf(postForm(`${server.origin}/`, { refresh_token }, schema));
      expect(error).toMatchObject({ error_description: shown });
    }
  });

  it("in the code, in other members, in pieces that filtering would join, and in the answer's own token", async () => {
    const pieces = form.code.split('').join('\u0001');
    const bodies: unknown[] = [
      { error: 'refresh-90ab' },
      { error: `The code ${form.code} is used` },
      { message: `password ${SECRET}` },
      { error: { message: `Basic ${credentials}` } },
      { error: 'invalid_grant', error_description: pieces },
      { error: 'invalid_grant', error_description: 'CODE-4F9A' },
      { [form.code]: form.token, name: [form.refresh_token] },
    ];
    for (const status of [200, 400, 500])
      for (const json of bodies) {
        await using server = await startScriptedServer(() => ({ status, json }));
        expectClean(await rejectionOf(postForm(`${server.origin}/`, form, schema, { headers })));
      }
    const own = { error: 'x', error_description: 'issued fresh-token-1', access_token: 'fresh-token-1' };
    await using server = await startScriptedServer(() => ({ json: own }));
    expect(inspectAll(await rejectionOf(postForm(`${server.origin}/`, form, schema)))).not.toContain('fresh-token-1');
  });

  it('in bodies that are not JSON, in redirects and in headers', async () => {
    const allSecrets = secrets.join(' ');
    const location = `/${form.code}?${encodeURIComponent(SECRET)}`;
    await using server = await startScriptedServer({
      '/html': { status: 400, body: `<p>${allSecrets}`, headers: { 'content-type': 'text/html' } },
      '/text': { body: allSecrets, headers: { 'content-type': `text/${form.code}` } },
      '/json': { body: `{"name": "${form.code}`, headers: { 'content-type': 'application/json' } },
      '/redirect': { status: 307, headers: { location } },
      '/retry': { status: 429, headers: { 'retry-after': form.code } },
      '/reset': { drop: 'request' },
    });
    const codes: string[] = [];
    for (const path of ['/html', '/text', '/json', '/redirect', '/retry', '/reset']) {
      const error = await rejectionOf(postForm(`${server.origin}${path}`, form, schema, { headers }));
      expectClean(error);
      codes.push(error.code);
    }
    expect(codes).toEqual([
      'http_error',
      'unexpected_content_type',
      'invalid_json',
      'redirect_refused',
      'http_error',
      'network_error',
    ]);
  });

  it('in the path of a redirected GET', async () => {
    await using server = await startScriptedServer(({ path }) =>
      path === '/' ? { status: 302, headers: { location: `/${form.code}` } } : { status: 400 },
    );
    const error = await rejectionOf(
      getJson(server.origin, schema, { headers: { authorization: `Bearer ${form.code}` } }),
    );
    expectClean(error);
    expect(error.message).toContain('/*** answered');
  });

  it('of a JSON body', async () => {
    const metadata = {
      client_name: 'My tool',
      client_secret: SECRET,
      software_statement: 'code-4f9a',
      jwks: { keys: [{ d: 'token-77de' }] },
    };
    await using server = await startScriptedServer(({ body }) => ({
      status: 400,
      json: { error: 'x', error_description: body },
    }));
    const error = await rejectionOf(postJson(`${server.origin}/`, metadata, schema));
    expectClean(error);
    expect(error.error_description).toContain('My tool');
    const put = await request('PUT', server.origin, {
      body: 'no JSON',
      headers: { 'content-type': 'application/json' },
    });
    expect((await readError(put))?.code).toBe('oauth_error');
  });

  it('of what a fetch throws', async () => {
    const error = await rejectionOf(
      postForm('https://as.example/?token=token-77de', form, schema, { fetch: hostile, headers }),
    );
    expectClean(error);
    const { message, ...rest } = error.toJSON();
    expect(rest).toEqual({ code: 'network_error', retryable: true, sent: true });
    expect(message).toBe(
      'No answer from https://as.example/. The connection failed or broke. Check the address and the network (firewall, VPN).',
    );
    expect(error.cause).toBeUndefined();
  });

  it.each(['Basic', 'Basic !', 'Basic a', 'Basic YTpi', 'Basic YTpiYw', 'Bearer'])(
    'of the credentials in %j',
    async (authorization) => {
      const json = { error: 'invalid_client', error_description: `got ${authorization.slice(6) || 'nothing'}` };
      await using server = await startScriptedServer(() => ({ status: 401, json }));
      const error = await rejectionOf(postForm(server.origin, {}, schema, { headers: { authorization } }));
      expect(error.error_description).toBe(authorization.length > 6 ? 'got ***' : 'got nothing');
    },
  );

  it('in Basic, form-encoded or not (RFC 6749 section 2.3.1)', async () => {
    const json = { error: 'invalid_client', error_description: 'raw a+b%zz%2Fc form a b%zz/c' };
    await using server = await startScriptedServer(() => ({ status: 401, json }));
    const authorization = `Basic ${btoa('id:a+b%zz%2Fc')}`;
    const error = await rejectionOf(postForm(server.origin, {}, schema, { headers: { authorization } }));
    expect(error.error_description).toBe('raw *** form ***');
  });

  it('of any size, or with half of a surrogate pair', async () => {
    const long = 'long-secret/'.repeat(40_000);
    const json = { error: 'x', error_description: `${long} \uD800`, access_token: `${long}!` };
    await using server = await startScriptedServer(() => ({ status: 400, json }));
    const error = await rejectionOf(postForm(server.origin, { code: long, state: '\uD800' }, schema));
    expect(error.error_description).toBe('*** ');
    const half = await rejectionOf(postJson(server.origin, { state: '\uD800', code: long }, schema));
    expect(half.error_description).toBe('*** ');
  });

  it('if one secret is the beginning of another, or a server form-encodes it', async () => {
    const json = { error: 'x', error_description: 'short-1-and-more, a+b%26c-secret' };
    await using server = await startScriptedServer(() => ({ status: 400, json }));
    const form = { code: 'short-1', device_code: 'short-1-and-more', token: 'a b&c-secret' };
    const error = await rejectionOf(postForm(server.origin, form, schema));
    expect(error.error_description).toBe('***, ***');
  });

  it('and the code of the server stays, even if a secret is a part of it', async () => {
    await using server = await startScriptedServer(() => ({ status: 400, json: { error: 'invalid_grant' } }));
    const error = await rejectionOf(postForm(`${server.origin}/`, { client_secret: 'grant', code: '' }, schema));
    expect(error.error).toBe('invalid_grant');
  });
});

async function hostile(...[, init]: unknown[]): Promise<Response> {
  const cause = Object.assign(new Error(SECRET), { code: 'code-4f9a', init });
  throw new TypeError(JSON.stringify(init), { cause });
}
