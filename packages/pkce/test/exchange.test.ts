import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf, inspectAll } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { exchangeCode } from '../src/index.ts';
import { arrive, begin, callback, client, grantTokens, metadata, send } from './help.ts';

const parameters = {
  code: 'secret-code',
  code_verifier: 'secret-verifier',
  redirect_uri: 'http://127.0.0.1:1/callback',
};

it('exchanges the code for a token, with the verifier', async () => {
  await using scripted = await startScriptedServer();
  grantTokens(scripted);
  const token = await exchangeCode(metadata(scripted), client, parameters, { now: () => 1_000_000 });
  expect(token).toMatchObject({ access_token: 'secret-access-token', expires_at: 1060 });
  expect(Object.fromEntries(scripted.requests[0]?.form ?? [])).toEqual({
    ...parameters,
    client_id: 'oa-test',
    grant_type: 'authorization_code',
  });
  expect(scripted.requests[0]?.headers.authorization).toBeUndefined();
});

it('A9: resource goes to the token endpoint as well, and invalid_target comes back', async () => {
  await using scripted = await startScriptedServer();
  grantTokens(scripted);
  const resource = ['https://a.example', 'https://b.example'];
  const { waiting, token } = begin(metadata(scripted), { resource });
  await arrive(callback(await waiting, { code: 'c' }));
  await token;
  expect(scripted.requestsTo('/token')[0]?.form.getAll('resource')).toEqual(resource);

  scripted.script({ '/token': { status: 400, json: { error: 'invalid_target' } } });
  expect(await rejectionOf(exchangeCode(metadata(scripted), client, { ...parameters, resource }))).toMatchObject({
    code: 'oauth_error',
    error: 'invalid_target',
  });
});

it('C6: the redirect_uri is the same, byte for byte, in both requests', async () => {
  await using scripted = await startScriptedServer();
  grantTokens(scripted);
  for (const path of ['', '/', '/callback', '/a%20b/C?x=%41']) {
    const registered = { client_id: 'oa-test', redirect_uris: [`http://127.0.0.1${path}`] };
    const { waiting, token } = begin(metadata(scripted), {}, { client: registered });
    const { url, redirect_uri } = await waiting;
    expect(redirect_uri.replace(/:\d+/, '')).toBe(`http://127.0.0.1${path}`);
    expect(new URL(url).searchParams.get('redirect_uri')).toBe(redirect_uri);
    const separator = redirect_uri.includes('?') ? '&' : '?';
    await arrive(new URL(`${redirect_uri}${separator}state=${new URL(url).searchParams.get('state')}&code=c`));
    await token;
    expect(scripted.requests.at(-1)?.form.get('redirect_uri')).toBe(redirect_uri);
  }
});

it('A8: a code is only ever sent to the server that the login was started with', async () => {
  await using one = await startScriptedServer();
  await using other = await startScriptedServer();
  grantTokens(one);
  grantTokens(other);
  const first = begin(metadata(one));
  const second = begin(metadata(other));
  const [here, there] = await Promise.all([first.waiting, second.waiting]);
  expect(here.redirect_uri).not.toBe(there.redirect_uri);
  // Each answer at the other's address: neither is this login's.
  const crossed = new URL(callback(here, { code: 'code-of-one' }));
  crossed.port = new URL(there.redirect_uri).port;
  expect((await send(crossed)).status).toBe(400);
  // With the right state, but the issuer of the other server.
  await arrive(callback(there, { code: 'code-of-one', iss: one.origin }));
  expect(await rejectionOf(second.token)).toMatchObject({ code: 'issuer_mismatch' });
  await arrive(callback(here, { code: 'code-of-one', iss: one.origin }));
  await first.token;
  expect(one.requests.map(({ form }) => form.get('code'))).toEqual(['code-of-one']);
  expect(other.requests).toEqual([]);
});

it.each(['code', 'code_verifier', 'redirect_uri'])('needs %s', async (name) => {
  const wrong = exchangeCode(metadata({ origin: 'http://127.0.0.1:1' }), client, { ...parameters, [name]: undefined });
  await expect(wrong).rejects.toThrow(new TypeError(`parameters.${name} is required, as a string`));
});

it('G2: a refusal shows neither the code nor the verifier, and a code is sent once', async () => {
  await using scripted = await startScriptedServer();
  const echo = { error: 'invalid_grant', error_description: `code secret-code secret-verifier` };
  const replies = [
    { status: 400, json: echo },
    { status: 503, json: echo },
    { drop: 'request' as const },
    { body: 'secret-code' },
  ];
  for (const reply of replies) {
    scripted.requests.length = 0;
    scripted.script({ '/token': reply });
    const error = await rejectionOf(exchangeCode(metadata(scripted), client, parameters));
    expect(inspectAll(error)).not.toMatch(/secret-(code|verifier)/);
    expect(scripted.requests).toHaveLength(1);
  }
});
