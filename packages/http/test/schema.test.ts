import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import * as v from 'valibot';
import { expect, it } from 'vitest';
import { getJson } from '@oa/http';

it('says the path and the expectation, and nothing of what was received', async () => {
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

it.each<[unknown, string]>([
  [{ id_token: 'SECRET', token_type: 'x' }, 'Member access_token is missing; the answer has id_token, token_type.'],
  [{}, 'Member access_token is missing; the answer is empty.'],
  [{ access_token: null, id_token: 'SECRET' }, 'Member access_token is missing; the answer has id_token.'],
  [
    { errcode: 40029, errmsg: 'bad code' },
    'Member access_token is missing; the answer has errcode, errmsg. The server says: "bad code".',
  ],
  [
    Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`m${index}`, 'SECRET'])),
    'Member access_token is missing; the answer has m0, m1, m2, m3, m4, m5, m6, m7, m8, m9 and more.',
  ],
])('names a missing member, and the members that are there: %j', async (json, problem) => {
  await using server = await startScriptedServer(() => ({ json }));
  const { message } = await rejectionOf(getJson(`${server.origin}/`, v.looseObject({ access_token: v.string() })));
  expect(message.slice(message.indexOf('allow. ') + 7)).toBe(problem);
});

it('does not repeat a secret that a server uses as the name of a member', async () => {
  const planted = 'Planted-Secret.0123456789';
  const json = { [planted]: 1, refresh_token: 'Received-Secret.0123456789', 'Received-Secret.0123456789': 1 };
  await using server = await startScriptedServer(() => ({ json }));
  const options = { headers: { authorization: `Bearer ${planted}` } };
  const call = getJson(`${server.origin}/`, v.looseObject({ access_token: v.string() }), options);
  expect((await rejectionOf(call)).message).not.toMatch(/0123456789/);
});

it('throws a TypeError for an asynchronous schema', async () => {
  const slow = v.pipeAsync(
    v.string(),
    v.checkAsync(async () => true),
  ) as unknown as v.GenericSchema<unknown, string>;
  await using server = await startScriptedServer(() => ({ json: 'x' }));
  await expect(getJson(`${server.origin}/`, slow)).rejects.toEqual(new TypeError('schema must be synchronous.'));
});
