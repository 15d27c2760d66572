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

it('throws a TypeError for an asynchronous schema', async () => {
  const slow = v.pipeAsync(
    v.string(),
    v.checkAsync(async () => true),
  ) as unknown as v.GenericSchema<unknown, string>;
  await using server = await startScriptedServer(() => ({ json: 'x' }));
  await expect(getJson(`${server.origin}/`, slow)).rejects.toEqual(new TypeError('schema must be synchronous.'));
});
