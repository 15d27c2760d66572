import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { looseObject } from 'valibot';
import { expect, it } from 'vitest';
import { getJson, postForm } from '@oa/http';

const schema = looseObject({});
const json = '{"access_token":"planted-token-1"}';

it.each([
  [`data:application/json,${json}`, 'data:...'],
  [`data:application/json;base64,${btoa(json)}`, 'data:...'],
  ['javascript:planted-token-1', 'javascript:...'],
  ['file:///planted-token-1', 'file:...'],
  ['urn:planted-token-1', 'urn:...'],
])('refuses %s with a typed error that shows only %s (hardening)', async (url, shown) => {
  for (const call of [getJson(url, schema), postForm(url, { code: 'code' }, schema)])
    expect(await rejectionOf(call)).toMatchObject({
      code: 'insecure_url',
      message: `${shown} is not safe for secrets. Use https:, or http: to localhost, 127.0.0.1 or [::1].`,
    });
});

it('refuses a blob: URL, although it has a host in it (hardening)', async () => {
  const url = URL.createObjectURL(new Blob([json], { type: 'application/json' }));
  for (const target of [url, 'blob:http://127.0.0.1/planted', 'blob:https://as.example/planted'])
    expect((await rejectionOf(getJson(target, schema))).code).toBe('insecure_url');
  URL.revokeObjectURL(url);
});

it.each([
  `data:application/json,${json}`,
  'blob:ORIGIN/planted',
  'file:///etc/passwd',
  'javascript:1',
  'http:/\\evil.example',
])('follows no redirect to %s (hardening)', async (target) => {
  await using server = await startScriptedServer(({ path, headers: { host } }) => {
    if (path !== '/') return { body: json };
    return { status: 302, headers: { location: target.replace('ORIGIN', `http://${host}`) } };
  });
  expect((await rejectionOf(getJson(`${server.origin}/`, schema))).code).toBe('redirect_refused');
});
