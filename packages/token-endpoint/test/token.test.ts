import { startScriptedServer, type Reply } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { refreshToken } from '@oa/token-endpoint';
import { isExpired, type DpopKey, type OAuthEvent } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { NOW_MS, tokenFrom, tokenReply } from './token-from.ts';

describe('the lifetime (RFC 6749 section 5.1)', () => {
  it.each([
    [3600, 1_800_003_600],
    ['3600', 1_800_003_600],
    ['3600.9', 1_800_003_601],
    [0, 1_800_000_000],
    ['0', 1_800_000_000],
    [-5, 1_800_000_000],
    ['-5', 1_800_000_000],
    ['-0.5', 1_800_000_000],
    [1e300, 4_953_600_000],
    [9_007_199_254_740_991, 4_953_600_000],
    [undefined, undefined],
    [null, undefined],
    ['', undefined],
    ['soon', undefined],
    [{}, undefined],
    [true, undefined],
  ])('with expires_in %j ends at %j', async (expires_in, expires_at) => {
    const result = await tokenFrom(tokenReply({ expires_in }));
    expect(result.expires_at).toBe(expires_at);
    expect(new Date((result.expires_at ?? 0) * 1000).getTime()).not.toBeNaN();
  });

  it('never ends where the server names none, and ends at once where it is 0', async () => {
    expect(isExpired(await tokenFrom(tokenReply({})), { now: () => NOW_MS })).toBe(false);
    expect(isExpired(await tokenFrom(tokenReply({ expires_in: 0 })), { now: () => NOW_MS })).toBe(true);
  });

  it.each([0, '0', -1, '-3600'])('of %j is over at once: the token counts as expired', async (expires_in) => {
    expect(isExpired(await tokenFrom(tokenReply({ expires_in })), { now: () => NOW_MS })).toBe(true);
  });

  it('counts from when the request went out', async () => {
    let clock = NOW_MS;
    const now = (): number => (clock += 10_000) - 10_000;
    const result = await tokenFrom(tokenReply({ expires_in: 60 }), {}, { now });
    expect(result.expires_at).toBe(1_800_000_060);
  });

  it.each([
    [{ expires_at: 1_800_000_100 }, 1_800_000_100],
    [{ expires_at: '1800000100' }, 1_800_000_100],
    [{ expires_at: 1_800_000_100_000 }, 1_800_000_100],
    [{ expires_at: '2027-01-15T08:01:40Z' }, 1_800_000_100],
    [{ expires_at: 3600 }, undefined],
    [{ expires_at: 1e300 }, undefined],
    [{ expires_at: 'never' }, undefined],
    [{ expires_at: ' ' }, undefined],
    [{ expires_at: null }, undefined],
    [{ expires_at: [1_800_000_100] }, undefined],
    [{ expires_at: 1_700_000_000, expires_in: 60 }, 1_800_000_060],
    [{ created_at: 1_700_000_000, iat: 1_700_000_000, expires_in: 60 }, 1_800_000_060],
  ])('with the members %j ends at %j', async (members, expires_at) => {
    const result = await tokenFrom(tokenReply(members));
    expect(result.expires_at).toBe(expires_at);
    expect(result['created_at']).toBe('created_at' in members ? members.created_at : undefined);
  });
});

describe('the token type (RFC 6749 section 7.1)', () => {
  it.each(['Bearer', 'bearer', 'BEARER', ' Bearer ', 'BearerToken', 'Bearer Token', 'bearer_token'])(
    '%s is Bearer',
    async (token_type) => {
      expect((await tokenFrom(tokenReply({ token_type }))).token_type).toBe('Bearer');
    },
  );

  it.each(['mac', 'DPoP', 'N_A', 'pop'])('%s is refused', async (token_type) => {
    const error = await rejectionOf(tokenFrom(tokenReply({ token_type })));
    expect(error).toMatchObject({ code: 'unsupported_token_type', retryable: false });
  });

  it('N_A says that a token exchange issued no access token (RFC 8693 section 2.2.1)', async () => {
    const exchange = { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange' };
    const type = 'urn:ietf:params:oauth:token-type:';
    const reply = (issued_token_type?: string): Reply => tokenReply({ token_type: 'n_a', issued_token_type });
    for (const options of [{}, { bearerTypes: ['N_A'] }]) {
      expect((await tokenFrom(reply(`${type}id-jag`), exchange, options)).token_type).toBe('N_A');
      expect((await tokenFrom(reply(), exchange, options)).token_type).toBe('N_A');
    }
    for (const [issued, parameters] of [
      [`${type}access_token`, exchange],
      [`${type}id-jag`, {}],
    ] as const)
      expect(await rejectionOf(tokenFrom(reply(issued), parameters))).toMatchObject({ code: 'unsupported_token_type' });
  });

  it.each(['user', 'Bot'])('%s is Bearer if the caller lists it', async (token_type) => {
    const options = { bearerTypes: ['bot', 'USER'] };
    expect((await tokenFrom(tokenReply({ token_type }), {}, options)).token_type).toBe('Bearer');
    const error = await rejectionOf(tokenFrom(tokenReply({ token_type: 'mac' }), {}, options));
    expect(error.code).toBe('unsupported_token_type');
    const { message } = await rejectionOf(tokenFrom(tokenReply({ token_type })));
    expect(message).toContain('bearerTypes');
    expect(message).toContain(`"${token_type.toLowerCase()}"`);
  });

  it('is not shown where it could be a secret', async () => {
    const error = await rejectionOf(tokenFrom(tokenReply({ token_type: 'PLANTED-1' })));
    expect(error.message).not.toMatch(/planted/i);
  });

  it('is Bearer where the server sends none, with an event', async () => {
    const events: OAuthEvent[] = [];
    const onEvent = (event: OAuthEvent): void => void events.push(event);
    for (const token_type of [undefined, null, ''])
      expect((await tokenFrom({ json: { access_token: 'at', token_type } }, {}, { onEvent })).token_type).toBe(
        'Bearer',
      );
    expect(events.map(({ type }) => type)).toEqual(Array.from({ length: 3 }, () => 'token_type_missing'));
    await tokenFrom(tokenReply({}), {}, { onEvent });
    expect(events).toHaveLength(3);
  });
});

it('takes no DPoP key from the answer, and keeps the one of a refreshed token', async () => {
  expect(await tokenFrom(tokenReply({ dpop_key: { d: 'of the server' }, other: 1 }))).not.toHaveProperty('dpop_key');
  await using server = await startScriptedServer(() => tokenReply({ dpop_key: { d: 'of the server' } }));
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const dpop_key: DpopKey = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'd' };
  const stored = { access_token: 'old', token_type: 'Bearer', refresh_token: 'rt', dpop_key };
  expect((await refreshToken(metadata, { client_id: 'c' }, stored)).dpop_key).toEqual(dpop_key);
});
