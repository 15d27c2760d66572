import { type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { looseObject, string } from 'valibot';
import { expect, it } from 'vitest';
import { getJson } from '@oa/http';

async function answered(body: string, status = 200): Promise<unknown> {
  const reply: Reply = { status, body, headers: { 'content-type': 'application/json' } };
  await using server = await startScriptedServer(() => reply);
  return await getJson(server.origin, looseObject({ name: string() }));
}

/** An object, which is one level, with arrays in it. */
function nested(levels: number): string {
  return `{"name":"x","deep":${'['.repeat(levels)}${']'.repeat(levels)}}`;
}

it('accepts 64 levels of nesting, and refuses one more', async () => {
  expect(await answered(nested(20))).toHaveProperty('name', 'x');
  expect(await answered(nested(63))).toHaveProperty('name', 'x');
  expect((await rejectionOf(answered(nested(64)))).code).toBe('invalid_json');
});

it('refuses nesting that would overflow the stack of a later reader', async () => {
  expect((await rejectionOf(answered(nested(500_000)))).code).toBe('invalid_json');
  const error = await rejectionOf(answered(`{"error":"x","access_token":${nested(200_000)}}`, 400));
  expect(error.code).toBe('http_error');
});

it.each([
  'access_token=at&token_type=bearer\n',
  '\r\ntoken_type=bearer&access_token=at\r\n',
  'user%5Bid%5D=3&access_token=at&token_type=bearer',
  'user[id]=3&access_token=at&token_type=bearer',
])('reads a form with line breaks around it, and with any name in front: %j', async (body) => {
  await using server = await startScriptedServer(() => ({ body, headers: { 'content-type': 'text/plain' } }));
  const token = await getJson(server.origin, looseObject({ access_token: string() }));
  expect(token).toMatchObject({ access_token: 'at', token_type: 'bearer' });
});

it.each(['<a href=x>&error=x', '{"a=b&error=x', 'Usage: a=b&error=x', 'f(a)=b&error=x'])(
  'takes other text for no form: %s',
  async (body) => {
    await using server = await startScriptedServer(() => ({ body, headers: { 'content-type': 'text/plain' } }));
    expect((await rejectionOf(getJson(server.origin, looseObject({})))).code).not.toBe('oauth_error');
  },
);
