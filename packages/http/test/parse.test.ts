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
