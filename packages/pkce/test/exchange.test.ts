import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf, inspectAll } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { exchangeCode } from '@oa/pkce';
import { client, metadata } from './help.ts';

const parameters = {
  code: 'secret-code',
  code_verifier: 'secret-verifier',
  redirect_uri: 'http://127.0.0.1:1/callback',
};
const grant = { '/token': { json: { access_token: 'secret-access-token', token_type: 'Bearer', expires_in: 60 } } };

it('exchanges the code for a token, with the verifier (RFC 7636 section 4.5)', async () => {
  await using scripted = await startScriptedServer(grant);
  const token = await exchangeCode(metadata(scripted), client, parameters, { now: () => 1_000_000 });
  expect(token).toMatchObject({ access_token: 'secret-access-token', expires_at: 1060 });
  expect(Object.fromEntries(scripted.requests[0]?.form ?? [])).toEqual({
    ...parameters,
    client_id: 'oa-test',
    grant_type: 'authorization_code',
  });
  expect(scripted.requests[0]?.headers.authorization).toBeUndefined();
});

it('sends resource to the token endpoint, and passes on invalid_target (RFC 8707 section 2.2)', async () => {
  await using scripted = await startScriptedServer(grant);
  const resource = ['https://a.example', 'https://b.example'];
  await exchangeCode(metadata(scripted), client, { ...parameters, resource });
  expect(scripted.requestsTo('/token')[0]?.form.getAll('resource')).toEqual(resource);

  scripted.script({ '/token': { status: 400, json: { error: 'invalid_target' } } });
  expect(await rejectionOf(exchangeCode(metadata(scripted), client, { ...parameters, resource }))).toMatchObject({
    code: 'oauth_error',
    error: 'invalid_target',
  });
});

it.each(['code', 'code_verifier', 'redirect_uri'])('requires %s', async (name) => {
  const wrong = exchangeCode(metadata({ origin: 'http://127.0.0.1:1' }), client, { ...parameters, [name]: undefined });
  await expect(wrong).rejects.toThrow(new TypeError(`parameters.${name} must be a non-empty string.`));
});

it('sends a code once, and shows neither code nor verifier in an error', async () => {
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
