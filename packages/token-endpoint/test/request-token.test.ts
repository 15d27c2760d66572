import { describe, expect, it } from 'vitest';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { requestToken } from '@oa/token-endpoint';

describe('a token request', () => {
  it('works', async () => {
    await using server = await startScriptedServer({ '/token': { json: { access_token: 'a', token_type: 'bearer', expires_in: '60' } } });
    const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
    const token = await requestToken(metadata, { client_id: 'c', client_secret: 's' }, { grant_type: 'client_credentials', scope: 'x' }, { now: () => 5_500 });
    expect(token).toEqual({ access_token: 'a', token_type: 'Bearer', expires_in: 60, expires_at: 65, scope: 'x' });
  });
});
