// What becomes of a session when the server refuses its refresh token, for certain or perhaps.
import type { Token } from '@oa/types';
import type { Reply } from '@oa-internal/scripted-server';
import { describe, expect, it } from 'vitest';
import { agreeingBrowser, bearer, managerAt, nearExpiry, startScripted, temporaryDirectory } from '../setup.ts';

const credentials = { client_id: 'p' };
const never = { interaction: 'never' } as const;

function expiredSession(issuer: string): Map<string, Token> {
  return new Map([nearExpiry(issuer, { refresh_token: 'precious', expires_at: 1 })]);
}

const DEFINITE: [string, Reply][] = [
  ['invalid_grant', { status: 400, json: { error: 'invalid_grant', error_description: 'it is revoked' } }],
  ['invalid_grant with status 200', { status: 200, json: { error: 'invalid_grant' } }],
  ['a nested code', { status: 400, json: { error: { code: 'invalid_grant', message: 'it is revoked' } } }],
  ['bad_refresh_token with status 200', { status: 200, json: { error: 'bad_refresh_token' } }],
  [
    'bad_refresh_token as a form',
    { body: 'error=bad_refresh_token', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
  ],
  [
    'unauthorized_client that names the refresh token',
    { status: 400, json: { error: 'unauthorized_client', error_description: 'The refresh token is expired' } },
  ],
  ['interaction_required', { status: 400, json: { error: 'interaction_required' } }],
  ['login_required', { status: 400, json: { error: 'login_required' } }],
  ['consent_required', { status: 400, json: { error: 'consent_required' } }],
];

const PROBABLE: [string, Reply][] = [
  ['an empty 400', { status: 400 }],
  ['an empty 403', { status: 403 }],
  [
    'a rate limit written as invalid_request',
    { status: 400, json: { error: 'invalid_request', error_description: 'Too many requests' } },
  ],
];

describe('a definite refusal ends the session (RFC 6749 section 5.2)', () => {
  it.each(DEFINITE)('%s', async (_, reply) => {
    const { server, metadata } = await startScripted({ '/token': reply });
    const cache = expiredSession(metadata.issuer);
    const { manager, events } = managerAt(temporaryDirectory(), { ...never, cache });
    expect(await manager.get(metadata, credentials)).toMatchObject({ ok: false, error: { code: 'login_required' } });
    expect([...cache.values()][0]?.refresh_token).toBeUndefined();
    expect(events).toContainEqual(expect.objectContaining({ type: 'session_ended' }));
    expect(server.requests).toHaveLength(1);
    await manager.get(metadata, credentials);
    expect(server.requests).toHaveLength(1);
  });

  it('the error says what the server said, and what helps', async () => {
    const json = { error: 'invalid_grant', error_description: 'Session expired after 90 days' };
    const { metadata } = await startScripted({ '/token': { status: 400, json } });
    const { manager } = managerAt(temporaryDirectory(), { ...never, cache: expiredSession(metadata.issuer) });
    const result = await manager.get(metadata, credentials);
    expect(result.ok || result.error.message).toMatch(
      /invalid_grant, Session expired after 90 days \(status 400\).*the option interaction is 'never'.*Log in with test in a terminal/,
    );
  });
});

describe('a probable refusal keeps the refresh token until a new login has succeeded', () => {
  it.each(PROBABLE)('%s: login_required without a user; the next run continues the session', async (_, reply) => {
    let isOut = true;
    const { metadata } = await startScripted({ '/token': () => (isOut ? reply : bearer('new')) });
    const cache = expiredSession(metadata.issuer);
    const { manager, events } = managerAt(temporaryDirectory(), { ...never, cache });
    expect(await manager.get(metadata, credentials)).toMatchObject({ ok: false, error: { code: 'login_required' } });
    expect([...cache.values()][0]?.refresh_token).toBe('precious');
    expect(events).not.toContainEqual(expect.objectContaining({ type: 'session_ended' }));
    isOut = false;
    expect(await manager.get(metadata, credentials)).toMatchObject({ ok: true, value: { access_token: 'new' } });
  });

  it.each(PROBABLE)('%s: the user is asked where there is one', async (_, reply) => {
    const { metadata } = await startScripted(({ form }) =>
      form.get('grant_type') === 'refresh_token' ? reply : bearer('from the login', { refresh_token: 'second' }),
    );
    const cache = expiredSession(metadata.issuer);
    const { openBrowser, urls } = agreeingBrowser();
    const { manager, events } = managerAt(temporaryDirectory(), { cache, login: { openBrowser } });
    expect((await manager.getToken(metadata, credentials)).access_token).toBe('from the login');
    expect(urls).toHaveLength(1);
    expect([...cache.values()][0]?.refresh_token).toBe('second');
    expect(events).toContainEqual(expect.objectContaining({ type: 'grant_needed', reason: 'refresh_refused' }));
  });

  it('a login that fails loses nothing', async () => {
    const { metadata } = await startScripted(({ form }) =>
      form.get('grant_type') === 'refresh_token' ? { status: 403 } : { status: 400, json: { error: 'invalid_grant' } },
    );
    const cache = expiredSession(metadata.issuer);
    const { openBrowser } = agreeingBrowser();
    const { manager } = managerAt(temporaryDirectory(), { cache, login: { openBrowser } });
    expect(await manager.get(metadata, credentials)).toMatchObject({ ok: false, error: { error: 'invalid_grant' } });
    expect([...cache.values()][0]?.refresh_token).toBe('precious');
  });
});
