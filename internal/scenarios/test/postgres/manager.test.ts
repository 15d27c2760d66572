import { setTimeout as sleep } from 'node:timers/promises';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { createManager } from '@oa/manager';
import { postgresStore } from '@oa/store-postgres';
import { OAuthError, type KeySource } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { isInstalled, resultOf, startSession, usePostgres, type Session } from './setup.ts';

/** Longer than other processes wait for a holder whose lock is free. */
const OVER_GRACE_MS = 7000;

describe.skipIf(!isInstalled)('managers of several processes with one rotating refresh token', () => {
  const fixture = usePostgres();

  /** The server would have ended the session when a refresh token was used twice. */
  async function expectAlive({ expire, manager, server, credentials, refreshes }: Session): Promise<void> {
    await expire();
    await manager.getToken(server.issuer, credentials);
    expect(refreshes()).toBe(1);
  }

  it('send one refresh request from 8 processes, and all get its token', async () => {
    const session = await startSession(fixture);
    await session.expire();
    const programs = Array.from({ length: 8 }, () => session.start());
    await Promise.all(programs.map(({ printed }) => printed('ready')));
    session.go();
    const results = await Promise.all(programs.map(resultOf));
    expect(new Set(results).size).toBe(1);
    expect(results[0]).toMatch(/^token /);
    expect(session.refreshes()).toBe(1);
    await expectAlive(session);
  });

  it.for([
    ['before the request', /^token /, 1],
    // The refresh token is used, and its successor is lost.
    ['before the write', /^error (refresh_interrupted|login_required)/, 2],
    ['after the write', /^token /, 1],
  ] as const)('go on after the kill of a holder %s', async ([pause, result, requests]) => {
    const session = await startSession(fixture);
    await session.expire();
    const holder = session.start(pause);
    session.go();
    await holder.printed(`paused ${pause}`);
    const next = session.start();
    await next.printed('ready');
    holder.kill('SIGKILL');
    expect(await resultOf(next)).toMatch(result);
    expect(session.refreshes()).toBe(requests);
    if (pause !== 'before the write') await expectAlive(session);
  });

  it('send one refresh request while the engine is restarted, and all get its token', async () => {
    const session = await startSession(fixture);
    await session.expire();
    const holder = session.start('before the write');
    session.go();
    await holder.printed('paused');
    const others = [session.start(), session.start(), session.start()];
    await Promise.all(others.map(({ printed }) => printed('waiting')));
    await fixture.server.restart();
    // The others could have the lock now.
    await sleep(OVER_GRACE_MS);
    session.resume();
    const results = await Promise.all([holder, ...others].map(resultOf));
    expect(results[0]).toMatch(/^token /);
    // Those that asked while the engine was away failed with a retryable error.
    for (const result of results.slice(1)) expect([results[0], 'error storage_unavailable']).toContain(result);
    expect(session.refreshes()).toBe(1);
    await expectAlive(session);
  });

  it('do not take over from a holder that is stopped', async () => {
    const session = await startSession(fixture);
    await session.expire();
    const holder = session.start('before the write');
    session.go();
    await holder.printed('paused');
    holder.kill('SIGSTOP');
    const other = session.start();
    await other.printed('waiting');
    await sleep(OVER_GRACE_MS);
    expect(session.refreshes()).toBe(1);
    session.resume();
    holder.kill('SIGCONT');
    expect(await resultOf(other)).toBe(await resultOf(holder));
    expect(session.refreshes()).toBe(1);
    await expectAlive(session);
  });

  it('serve a valid token while the engine is away, and send no refresh request without the lock', async () => {
    const session = await startSession(fixture);
    const { manager, server, credentials } = session;
    const token = await manager.getToken(server.issuer, credentials);
    await fixture.server.stop();
    try {
      await sleep(1100);
      expect(await manager.getToken(server.issuer, credentials)).toEqual(token);
      server.requests.length = 0;
      const rejected = await manager.get(server.issuer, credentials, { rejected: token.access_token });
      expect(rejected).toMatchObject({ ok: false, error: { code: 'storage_unavailable', retryable: true } });
      const program = session.start();
      session.go();
      expect(await resultOf(program)).toBe('error storage_unavailable');
      expect(server.requests).toEqual([]);
    } finally {
      await fixture.server.start();
    }
    await expectAlive(session);
  });

  it('say how each session is kept, also where its encryption key can not be had', async () => {
    const pool = fixture.pool();
    await pool.query('delete from oa_tokens');
    await using server = await startAuthorizationServer();
    const key = async (): Promise<Uint8Array> => new Uint8Array(32).fill(1);
    const login = { openBrowser: (url: string) => server.logIn(url), print: () => undefined };
    const open = (encryption?: KeySource) => createManager({ cache: postgresStore({ pool, encryption }), login });
    const credentials = { client_id: server.public.client_id, scope: 'openid offline_access' };
    await open().getToken(server.issuer, { ...credentials, profile: 'a' });
    await open({ id: 'key-1', key }).getToken(server.issuer, { ...credentials, profile: 'b' });
    const locked = async (): Promise<never> => {
      throw new OAuthError('storage_unavailable', 'The keychain is locked.', { retryable: true });
    };
    for (const encryption of [undefined, { id: 'key-2', key }, { id: 'key-1', key: locked }])
      expect(await open(encryption).sessions()).toMatchObject({
        ok: true,
        value: [
          { profile: 'a', kept: 'store' },
          { profile: 'b', kept: 'encrypted', encryption_key: 'key-1' },
        ],
      });
  });
});
