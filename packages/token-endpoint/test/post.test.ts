import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { requestToken } from '@oa/token-endpoint';
import { expect, it } from 'vitest';

const client = { client_id: 'c', client_secret: 's+é&=%/~: x' };

it('gives all attempts one timeout together', async () => {
  await using server = await startScriptedServer(({ form }) => ({
    ...(form.get('client_secret') === client.client_secret
      ? { json: { access_token: 'at', token_type: 'Bearer' } }
      : { status: 401, json: { error: 'invalid_client' } }),
    delay: 1500,
  }));
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const grant = { grant_type: 'client_credentials' };
  const error = await rejectionOf(requestToken(metadata, client, grant, { timeout: 4000 }));
  expect(error.code).toBe('timeout');
  expect(server.requests).toHaveLength(3);
});
