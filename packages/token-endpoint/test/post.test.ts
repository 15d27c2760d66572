import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import type { ClientAuthentication } from '@oa/client-authentication';
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

it('authenticates each attempt anew, since an assertion or a proof works once', async () => {
  await using server = await startScriptedServer((_, index) =>
    index < 2 ? { status: 503 } : { json: { access_token: 'at', token_type: 'Bearer' } },
  );
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  let count = 0;
  const authentication: ClientAuthentication = () => {
    count += 1;
    return { headers: { dpop: `proof ${count}` }, parameters: { client_assertion: `assertion ${count}` } };
  };
  await requestToken(metadata, client, { grant_type: 'client_credentials', scope: 'a' }, { authentication });
  expect(server.requests.map(({ headers, form }) => [headers['dpop'], Object.fromEntries(form)])).toEqual(
    [1, 2, 3].map((number) => [
      `proof ${number}`,
      { grant_type: 'client_credentials', scope: 'a', client_assertion: `assertion ${number}` },
    ]),
  );
});
