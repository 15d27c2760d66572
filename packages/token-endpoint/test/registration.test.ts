import { type RecordedRequest, type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import type { Client, OAuthEvent } from '@oa/types';
import { expect, test } from 'vitest';
import { requestToken } from '@oa/token-endpoint';

/** `@modelcontextprotocol/sdk`: it registers clients for whatever they ask, and reads the body only. */
function bodyOnly({ form }: RecordedRequest): Reply {
  if (!form.has('client_id'))
    return { status: 400, json: { error: 'invalid_request', error_description: 'client_id: expected string' } };
  return { json: { access_token: 'a', token_type: 'bearer' } };
}

const client: Client = { client_id: 'c', client_secret: 's', token_endpoint_auth_method: 'client_secret_basic' };
const grant = { grant_type: 'authorization_code', code: 'works-once' };

test('C4: registered for Basic at a server whose metadata says post only: Basic, then the body, once for each issuer', async () => {
  await using server = await startScriptedServer(bodyOnly);
  const metadata = {
    issuer: server.origin,
    token_endpoint: `${server.origin}/token`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'none'],
  };
  const events: OAuthEvent[] = [];
  const options = { onEvent: (event: OAuthEvent) => events.push(event) };
  for (let count = 0; count < 2; count += 1)
    expect(await requestToken(metadata, client, grant, options)).toMatchObject({ token_type: 'Bearer' });
  expect(server.requests.map(({ headers }) => headers.authorization !== undefined)).toEqual([true, false, false]);
  expect(server.requests.map(({ form }) => form.has('client_secret'))).toEqual([false, true, true]);
  expect(events).toEqual([
    { type: 'client_authentication_changed', issuer: server.origin, method: 'client_secret_post' },
  ]);
});

test.each([['client_secret_basic', 'client_secret_post'], []])(
  'C4: registered for Basic at a server that says %s, %s: Basic and nothing else',
  async (...supported) => {
    await using server = await startScriptedServer(bodyOnly);
    const metadata = {
      issuer: server.origin,
      token_endpoint: `${server.origin}/token`,
      token_endpoint_auth_methods_supported: supported,
    };
    const error = await rejectionOf(requestToken(metadata, client, grant));
    expect(error).toMatchObject({ code: 'oauth_error', error: 'invalid_request' });
    expect(server.requests).toHaveLength(1);
  },
);
