import { type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { looseObject, string } from 'valibot';
import { describe, expect, it } from 'vitest';
import { getJson, postForm, postJson, readError, readJson, request } from '@oa/http';

const schema = looseObject({ name: string() });

/** What `getJson` makes of a body with a content type. `''` stands for a response without one. */
async function getTyped(contentType: string, body: string | Uint8Array): Promise<unknown> {
  const headers: Reply['headers'] = contentType === '' ? {} : { 'content-type': contentType };
  await using server = await startScriptedServer(() => ({ body, headers }));
  return await getJson(`${server.origin}/a`, schema, { idempotent: false });
}

describe('getJson', () => {
  it.each([
    'application/json',
    'application/json;charset=UTF-8',
    'application/problem+json',
    'text/plain',
    'TEXT/JSON',
    '',
  ])('reads JSON with the content type %j', async (contentType) => {
    expect(await getTyped(contentType, '{"name":"x","more":[1]}')).toEqual({ name: 'x', more: [1] });
  });

  it.each([
    ['text/html', '{"name":"x"}', 'unexpected_content_type'],
    ['application/xhtml+xml', '<html/>', 'unexpected_content_type'],
    ['text/plain', 'hello', 'unexpected_content_type'],
    ['application/x-www-form-urlencoded', 'name=x', 'unexpected_content_type'],
    ['application/json', 'hello', 'invalid_json'],
    ['application/json', '{"name":"x"', 'invalid_json'],
    ['application/json', '', 'invalid_json'],
    ['text/html', ' \n', 'invalid_json'],
    ['', 'hello', 'invalid_json'],
    ['application/json', '[]', 'invalid_response'],
    ['application/json', '"x"', 'invalid_response'],
    ['application/json', 'null', 'invalid_response'],
    ['application/json', '{"name":5}', 'invalid_response'],
  ])('refuses %s with the body %j: %s', async (contentType, body, code) => {
    expect(await rejectionOf(getTyped(contentType, body))).toMatchObject({ code, retryable: false });
  });

  it('refuses bytes that are not UTF-8 (RFC 8259 section 8.1)', async () => {
    const bytes = Uint8Array.from([...Buffer.from('{"name":"'), 0xff, ...Buffer.from('"}')]);
    expect((await rejectionOf(getTyped('application/json', bytes))).code).toBe('invalid_json');
  });

  it('skips a byte order mark', async () => {
    expect(await getTyped('application/json', '\uFEFF{"name":"x"}')).toEqual({ name: 'x' });
  });
});

describe('readJson', () => {
  it('computes the name of the endpoint for an error only: a success does not search for secrets', async () => {
    let names = 0;
    const response = {
      get url() {
        names += 1;
        return 'https://as.example/';
      },
      status: 200,
      headers: new Headers(),
      text: '{"name":"x"}',
      sentAt: 0,
    };
    expect(await readJson(response, schema)).toEqual({ name: 'x' });
    expect(names).toBe(0);
    await expect(readJson({ ...response, text: '{}' }, schema)).rejects.toThrow('https://as.example/ answered');
  });
});

describe('postForm', () => {
  it('sends a form in the body, asks for JSON, and puts nothing into the query (RFC 6749 section 3.2)', async () => {
    await using server = await startScriptedServer({ '/token': { json: { name: 'x', more: 1 } } });
    const form = { a: ['1', '2'], b: undefined, c: 'é &', d: '' };
    expect(await postForm(`${server.origin}/token`, form, schema)).toEqual({ name: 'x', more: 1 });
    const [sent] = server.requests;
    expect(sent).toMatchObject({ method: 'POST', url: '/token', body: 'a=1&a=2&c=%C3%A9+%26&d=' });
    expect(sent?.headers).toMatchObject({
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
    });
  });
});

describe('postJson', () => {
  it("sends JSON, the caller's headers, and the query of the endpoint", async () => {
    await using server = await startScriptedServer(() => ({ json: { name: 'x' } }));
    const headers = { Authorization: 'Bearer t' };
    await postJson(`${server.origin}/register?tenant=1`, { redirect_uris: ['x'] }, schema, { headers });
    const [sent] = server.requests;
    expect(sent).toMatchObject({ method: 'POST', url: '/register?tenant=1', body: '{"redirect_uris":["x"]}' });
    expect(sent?.headers).toMatchObject({ authorization: 'Bearer t', 'content-type': 'application/json' });
  });
});

describe('readError', () => {
  it('returns undefined for a success', async () => {
    await using server = await startScriptedServer(() => ({ status: 204 }));
    expect(await readError(await request('DELETE', server.origin))).toBeUndefined();
  });

  it('reads a response that does not come from request', async () => {
    const response = { url: 'https://as.example/', status: 400, headers: new Headers(), text: '', sentAt: 0 };
    expect(await readError(response)).toMatchObject({ code: 'http_error', status: 400 });
  });
});
