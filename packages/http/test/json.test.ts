import { type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { getJson, readError, readJson, request } from '@oa/http';

const schema = v.looseObject({ name: v.string() });

async function answered(reply: Reply): Promise<unknown> {
  await using server = await startScriptedServer(() => reply);
  return await getJson(`${server.origin}/a`, schema, { idempotent: false });
}

function typed(contentType: string, body: string | Uint8Array, status = 200): Reply {
  return { status, body, headers: contentType === '' ? {} : { 'content-type': contentType } };
}

function deep(levels: number): string {
  return `{"name":"x","deep":${'['.repeat(levels)}${']'.repeat(levels)}}`;
}

describe('content types', () => {
  it.each([
    'application/json',
    'application/json;charset=UTF-8',
    'application/problem+json',
    'text/plain',
    'TEXT/JSON',
    '',
  ])('JSON that calls itself %j is read', async (contentType) => {
    expect(await answered(typed(contentType, '{"name":"x","more":[1]}'))).toEqual({ name: 'x', more: [1] });
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
  ])('%s with %j is %s', async (contentType, body, code) => {
    expect(await rejectionOf(answered(typed(contentType, body)))).toMatchObject({ code, retryable: false });
  });

  it('nesting that would overflow the stack of a later reader is refused', async () => {
    expect((await rejectionOf(answered(typed('application/json', deep(500_000))))).code).toBe('invalid_json');
    const error = rejectionOf(
      answered(typed('application/json', `{"error":"x","access_token":${deep(200_000)}}`, 400)),
    );
    expect((await error).code).toBe('http_error');
    expect(await answered(typed('application/json', deep(20)))).toHaveProperty('name', 'x');
  });

  it('bytes that are not UTF-8 are not guessed at', async () => {
    const bytes = Uint8Array.from([...Buffer.from('{"name":"'), 0xff, ...Buffer.from('"}')]);
    expect((await rejectionOf(answered(typed('application/json', bytes)))).code).toBe('invalid_json');
  });

  it('a byte order mark is skipped', async () => {
    expect(await answered(typed('application/json', '\uFEFF{"name":"x"}'))).toEqual({ name: 'x' });
  });
});

describe('schema failures', () => {
  it('keep path and expectation, and nothing of what was received', async () => {
    const url = v.pipe(
      v.string(),
      v.check((text) => URL.canParse(text), 'must be a URL'),
    );
    const checked = v.pipe(
      v.string(),
      v.check((text) => text === ''),
    );
    const strict = v.object({
      a: v.optional(v.array(v.object({ b: v.number() }))),
      c: v.optional(url),
      d: v.optional(checked),
    });
    const messages: string[] = [];
    for (const json of [{ a: [{ b: 'SECRET' }] }, { c: 'SECRET' }, { d: 'SECRET' }, 'SECRET']) {
      await using server = await startScriptedServer(() => ({ json }));
      const { code, message } = await rejectionOf(getJson(`${server.origin}/`, strict));
      expect(code).toBe('invalid_response');
      expect(message).not.toContain('SECRET');
      messages.push(message.slice(message.indexOf('allow. ') + 7));
    }
    expect(messages).toEqual([
      'Member a.0.b must be number.',
      'Member c must be a URL.',
      'Member d is not valid.',
      'The answer must be Object.',
    ]);
  });

  it('an asynchronous schema is a mistake of the caller', async () => {
    const slow = v.pipeAsync(
      v.string(),
      v.checkAsync(async () => true),
    ) as unknown as typeof schema;
    await using server = await startScriptedServer(() => ({ json: 'x' }));
    await expect(getJson(`${server.origin}/`, slow)).rejects.toBeInstanceOf(TypeError);
  });
});

describe('errors of the server', () => {
  it.each<[string, Reply, object]>([
    ['OAuth', { status: 400, json: { error: 'invalid_grant' } }, { code: 'oauth_error', error: 'invalid_grant' }],
    [
      'with all members',
      { status: 401, json: { error: 'invalid_client', error_description: 'No', error_uri: 'https://x/' } },
      { code: 'oauth_error', error: 'invalid_client', error_description: 'No', error_uri: 'https://x/' },
    ],
    [
      'status 200 with an error inside',
      { json: { ok: false, error: 'invalid_code', name: 'x' } },
      { code: 'oauth_error', error: 'invalid_code', status: 200, retryable: false },
    ],
    [
      'temporary',
      { status: 400, json: { error: 'temporarily_unavailable' } },
      { code: 'oauth_error', retryable: true },
    ],
    [
      'free text where the code belongs',
      { status: 400, json: { error: 'Invalid credentials!' } },
      { code: 'http_error', error: undefined, error_description: 'Invalid credentials!' },
    ],
    [
      'free text with a description',
      { status: 400, json: { error: 'Bad Token', error_description: 'It is bad' } },
      { code: 'oauth_error', error: 'Bad Token', error_description: 'It is bad' },
    ],
    [
      'of a framework',
      { status: 500, json: { status: 500, error: 'Internal Server Error', message: 'oops' } },
      { code: 'http_error', error: undefined, error_description: 'oops', retryable: true },
    ],
    [
      'as an object',
      { status: 400, json: { error: { code: 190, message: 'Malformed' } } },
      { code: 'http_error', error_description: 'Malformed' },
    ],
    ['text/plain', typed('text/plain', 'invalid_client', 401), { code: 'http_error', status: 401 }],
    ['HTML', typed('text/html', '<h1>Forbidden</h1>', 403), { code: 'http_error', status: 403 }],
    ['empty', { status: 403 }, { code: 'http_error', status: 403, retryable: false }],
    ['a list', { status: 400, json: [{ error: 'x' }] }, { code: 'http_error', status: 400 }],
    ['null members', { status: 400, json: { error: null, error_description: 5 } }, { code: 'http_error' }],
    ['missing', { status: 404 }, { code: 'http_error', status: 404 }],
    [
      'busy',
      { status: 503, json: { error: 'temporarily_unavailable' }, headers: { 'retry-after': '7' } },
      { code: 'oauth_error', status: 503, retryable: true, retryAfter: 7 },
    ],
  ])('C9: %s', async (_, reply, expected) => {
    const seen = Object.assign({ error: undefined }, await rejectionOf(answered(reply)));
    expect(seen).toMatchObject(expected);
  });

  it('C9: an escape sequence in a description reaches no terminal', async () => {
    const json = { error: 'invalid_grant', error_description: '\u001B[31mred\u0007\n\u202E"\\' };
    const error = await rejectionOf(answered({ status: 400, json }));
    expect(error.error_description).toBe('[31mred');
    expect(error.message).not.toMatch(/[^\x20-\x7e]/);
  });

  it('C9: a falsy error beside a good answer is no error', async () => {
    for (const error of [null, '', false, 0])
      expect(await answered({ json: { name: 'x', error } })).toHaveProperty('name');
  });

  it("a date in Retry-After counts from the caller's clock", async () => {
    const headers = { 'retry-after': 'Sun, 22 Nov 2026 08:15:00 GMT' };
    await using server = await startScriptedServer(() => ({ status: 503, headers }));
    const response = await request('POST', server.origin, { now: () => Date.UTC(2026, 10, 22, 8, 0, 0) });
    expect(readError(response)).toMatchObject({ code: 'http_error', status: 503, retryAfter: 900 });
    expect(() => readJson(response, schema)).toThrow('status 503; try again later');
  });

  it('readError finds none in a success', async () => {
    await using server = await startScriptedServer(() => ({ status: 204 }));
    expect(readError(await request('DELETE', server.origin))).toBeUndefined();
  });
});
