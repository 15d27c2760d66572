import { rejectionOf } from '@oa-internal/testing';
import { requestToken, revokeToken } from '@oa/token-endpoint';
import { expect, it } from 'vitest';

const HOSTILE_ISSUER = `https://as.example\r\nerror: all is well\u001B[2J\u202E\u2028${'x'.repeat(100_000)}`;

it('the error about a missing endpoint shows the issuer on one short line, without control characters', async () => {
  const server = { issuer: HOSTILE_ISSUER } as never;
  const client = { client_id: 'c' };
  const token = { access_token: 'a', token_type: 'Bearer' };
  for (const call of [
    () => requestToken(server, client, { grant_type: 'client_credentials' }),
    () => revokeToken(server, client, token),
  ]) {
    const error = await rejectionOf(call());
    expect(error.code).toBe('endpoint_missing');
    expect(error.message).toMatch(/^[\x20-\x7e]{1,500}$/);
  }
});
