import { rejectionOf } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { exchangeToken, jwtBearer } from '@oa/assertion-grants';
import { exchanged, issued, refused, startTokenEndpoint, TYPE } from './scripted.ts';

it('names no client where none is given (RFC 7523 section 3.1)', async () => {
  const { metadata, server, forms } = await startTokenEndpoint(issued());
  await jwtBearer(metadata, undefined, { assertion: 'a' });
  expect(forms()).toEqual([{ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: 'a' }]);
  expect(server.requests[0]?.headers.authorization).toBeUndefined();
});

it('names no client in a token exchange either (RFC 8693 section 2.1)', async () => {
  const { metadata, forms } = await startTokenEndpoint(exchanged());
  const type = `${TYPE}jwt`;
  await exchangeToken(metadata, undefined, { subject_token: 's', subject_token_type: type });
  expect(forms()).toEqual([
    { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: 's', subject_token_type: type },
  ]);
});

it('sends the proof of a function besides, and no client although the function wants the built-in method', async () => {
  const { metadata, server, forms } = await startTokenEndpoint(
    refused('use_dpop_nonce'),
    issued({ token_type: 'DPoP' }),
  );
  const refusals: (string | undefined)[] = [];
  const token = await jwtBearer(
    metadata,
    undefined,
    { assertion: 'a' },
    {
      authentication: ({ refusal }) => {
        refusals.push(refusal?.error);
        return { builtIn: true, headers: { dpop: `proof-${refusals.length}` }, token_type: 'DPoP' };
      },
    },
  );
  expect(token.token_type).toBe('DPoP');
  expect(refusals).toEqual([undefined, 'use_dpop_nonce']);
  expect(server.requests.map(({ headers }) => headers['dpop'])).toEqual(['proof-1', 'proof-2']);
  for (const form of forms()) expect(form).not.toHaveProperty('client_id');
});

it('gives the refusal of a server that wants a client after one request', async () => {
  const { metadata, server } = await startTokenEndpoint({ status: 401, json: { error: 'invalid_client' } });
  const accept = { authentication: () => undefined };
  for (const options of [{}, accept]) {
    const error = await rejectionOf(jwtBearer(metadata, undefined, { assertion: 'a' }, options));
    expect(error).toMatchObject({ code: 'oauth_error', error: 'invalid_client' });
  }
  expect(server.requests).toHaveLength(2);
});

it('refuses a method that needs a client', async () => {
  const call = jwtBearer(
    { issuer: 'x', token_endpoint: 'x' },
    undefined,
    { assertion: 'a' },
    { authentication: 'none' },
  );
  await expect(call).rejects.toThrow(/^The option `authentication` names a method, and there is no client/);
});
