import { describe, expect, it } from 'vitest';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { looseObject, string } from 'valibot';
import { getJson, postForm, request } from '@oa/http';

const schema = looseObject({ name: string() });

describe('requests', () => {
  it('reads JSON', async () => {
    await using server = await startScriptedServer({ '/a': { json: { name: 'x', more: 1 } } });
    expect(await getJson(`${server.origin}/a`, schema)).toEqual({ name: 'x', more: 1 });
    expect(await postForm(`${server.origin}/a`, { a: ['1', '2'], b: undefined, c: 'é' }, schema)).toEqual({
      name: 'x',
      more: 1,
    });
    expect(server.requests[1]?.body).toBe('a=1&a=2&c=%C3%A9');
    expect(server.requests[1]?.headers).toMatchObject({
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect((await request('DELETE', `${server.origin}/b`)).status).toBe(404);
  });
});
