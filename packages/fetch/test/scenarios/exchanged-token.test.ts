import { startScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { createFetch } from '@oa/fetch';
import { expect, it } from 'vitest';

it('sends no token that is no access token, and says that an access token is needed (RFC 8693 section 2.2.1)', async () => {
  await using server = await startScriptedServer(() => ({}));
  for (const token_type of ['N_A', 'n_a']) {
    const issued_token_type = 'urn:ietf:params:oauth:token-type:id-jag';
    const token = { access_token: 'PLANTED', token_type, issued_token_type };
    const error = await rejectionOf(createFetch(async () => token)(server.origin));
    expect(error.code).toBe('unsupported_token_type');
    expect(error.message).toMatch(/N_A.* access token/);
    expect(inspectAll(error)).not.toContain('PLANTED');
  }
  expect(server.requests).toHaveLength(0);
});
