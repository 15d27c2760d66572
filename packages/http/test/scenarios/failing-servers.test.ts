import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { looseObject, string } from 'valibot';
import { expect, it } from 'vitest';
import { getJson } from '@oa/http';

const schema = looseObject({ name: string() });

it('has a code for each way in which a server fails', async () => {
  await using server = await startScriptedServer({
    '/500': { status: 500, body: '<h1>Oops</h1>', headers: { 'content-type': 'text/html' } },
    '/html': { body: '<!doctype html>', headers: { 'content-type': 'text/html; charset=utf-8' } },
    '/truncated': { body: '{"name": "x', headers: { 'content-type': 'application/json' } },
    '/incomplete': { json: { nam: 'x' } },
    '/huge': { body: megabytes(64) },
    '/drop': { drop: 'request' },
    '/half': { drop: 'body', body: 'x'.repeat(1000), headers: { 'content-length': '1000' } },
    '/never': { drop: 'never' },
  });
  const codeOf = async (path: string, timeout = 20_000): Promise<string> =>
    (await rejectionOf(getJson(`${server.origin}${path}`, schema, { timeout, idempotent: false }))).code;
  expect(await codeOf('/500')).toBe('http_error');
  expect(await codeOf('/html')).toBe('unexpected_content_type');
  expect(await codeOf('/truncated')).toBe('invalid_json');
  expect(await codeOf('/incomplete')).toBe('invalid_response');
  expect(await codeOf('/huge')).toBe('response_too_large');
  expect(await codeOf('/drop')).toBe('network_error');
  expect(await codeOf('/half')).toBe('network_error');
  expect(await codeOf('/never', 200)).toBe('timeout');
  await server.close();
  expect(await codeOf('/')).toBe('network_error');
});

function* megabytes(count: number): Generator<Uint8Array> {
  for (let index = 0; index < count; index += 1) yield new Uint8Array(1024 * 1024).fill(32);
}
