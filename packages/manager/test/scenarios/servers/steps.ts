import { readdirSync } from 'node:fs';
import type { OtherServer } from '@oa-internal/other-servers';
import type { Credentials, ManagerOptions } from '@oa/manager';
import type { AuthorizationServer, OAuthEvent, Token } from '@oa/types';
import { expect } from 'vitest';
import { aged, changeStored, managerAt, storedTokens, tokensDirectory } from '../../setup.ts';

/** A server, and a user who logs in there. */
export interface Subject extends Pick<OtherServer, 'requests' | 'count' | 'accepts'> {
  target: string | AuthorizationServer;
  credentials: Credentials;
  /** With an `openBrowser` whose user logs in at once. */
  login: NonNullable<ManagerOptions['login']>;
  tokenPath: string;
}

/** A browser for a server that asks the user nothing. It follows the redirects to the loopback receiver. */
export const login = { openBrowser: (url: string): Promise<Response> => fetch(url), print: (): void => {} };

/** Logs in, and checks that a second process makes no request. */
export async function logIn(directory: string, subject: Subject): Promise<{ token: Token; events: OAuthEvent[] }> {
  const { manager, events } = managerAt(directory, { login: subject.login });
  const token = await manager.getToken(subject.target, subject.credentials);
  expect(await subject.accepts(token.access_token)).toBe(true);
  expect(token.token_type).toBe('Bearer');
  expect(token.refresh_token).toEqual(expect.any(String));
  expect(token.expires_at).toBeGreaterThan(Date.now() / 1000 + 3500);
  expect(subject.count(subject.tokenPath)).toBe(1);
  expect(subject.count(subject.tokenPath, 'authorization_code')).toBe(1);

  subject.requests.length = 0;
  const second = managerAt(directory, { interaction: 'never' });
  expect(await second.manager.getToken(subject.target, subject.credentials)).toEqual(token);
  expect(subject.requests).toEqual([]);
  return { token, events };
}

/** Checks that a token with 30 seconds left is refreshed once, and that the answer is on disk. */
export async function refresh(directory: string, subject: Subject): Promise<Token> {
  const before = await changeStored(directory, (token) => aged(token, 30));
  const { manager, events } = managerAt(directory, { interaction: 'never' });
  const token = await manager.getToken(subject.target, subject.credentials);
  expect(token.access_token).not.toBe(before.access_token);
  expect(await subject.accepts(token.access_token)).toBe(true);
  expect(token.scope).toBe(before.scope);
  expect(subject.requests).toMatchObject([
    { method: 'POST', path: subject.tokenPath, grant_type: 'refresh_token', status: 200, ...withSecret(subject) },
  ]);
  expect(events).toContainEqual(expect.objectContaining({ type: 'refreshed', issuer: issuerOf(subject.target) }));
  expect(storedTokens(directory)).toEqual([token]);
  return token;
}

/** Checks that a refused refresh token ends the session after one request, and returns the events. */
export async function refuseRefresh(directory: string, subject: Subject, refreshToken: string): Promise<OAuthEvent[]> {
  await changeStored(directory, (token) => ({ ...aged(token, -1), refresh_token: refreshToken }));
  subject.requests.length = 0;
  const { manager, events } = managerAt(directory, { interaction: 'never' });
  expect(await manager.get(subject.target, subject.credentials)).toMatchObject({
    ok: false,
    error: { code: 'login_required' },
  });
  expect(subject.requests).toHaveLength(1);
  expect(storedTokens(directory)[0]?.refresh_token).toBeUndefined();
  return events;
}

/** Checks that a logout revokes both tokens and leaves nothing on disk. */
export async function logOut(directory: string, subject: Subject, revocationPath: string): Promise<void> {
  const [token] = storedTokens(directory);
  subject.requests.length = 0;
  const { manager } = managerAt(directory, { interaction: 'never' });
  expect(await manager.logout(subject.target, subject.credentials)).toEqual({ ok: true, value: true });
  expect(subject.requests.map(({ path, status }) => [path, status])).toEqual([
    [revocationPath, 200],
    [revocationPath, 200],
  ]);
  expect(await subject.accepts(token?.access_token ?? '')).toBe(false);
  expect(readdirSync(tokensDirectory(directory)).filter((name) => name.endsWith('.json'))).toEqual([]);
}

function issuerOf(target: string | { issuer: string }): string {
  return typeof target === 'string' ? target : target.issuer;
}

function withSecret({ credentials, requests }: Subject): { secret?: 'header' | 'body' } {
  if (credentials.client_secret === undefined) return {};
  return { secret: requests[0]?.secret ?? 'header' };
}
