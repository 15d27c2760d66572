import { readdirSync } from 'node:fs';
import type { OtherServer } from '@oa-internal/other-servers';
import type { Credentials, ManagerOptions } from '@oa/manager';
import { fileTokenCache } from '@oa/token-cache';
import type { AuthorizationServer, OAuthEvent, Token } from '@oa/types';
import { expect } from 'vitest';
import { aged, managerAt, tokensDirectory } from '../../setup.ts';

/** A server, and a person who logs in there. */
export interface Subject extends Pick<OtherServer, 'requests' | 'count' | 'accepts'> {
  target: string | AuthorizationServer;
  credentials: Credentials;
  /** With an `openBrowser` whose person needs no time. */
  login: NonNullable<ManagerOptions['login']>;
  tokenPath: string;
}

/** A browser at a server that asks the person nothing: it follows the redirects to the loopback receiver. */
export const login = { openBrowser: (url: string): Promise<Response> => fetch(url), print: (): void => {} };

/** Logs in, and sees that a second process makes no request. */
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

/** Thirty seconds before the token expires: one refresh, whose answer is on disk. */
export async function refresh(directory: string, subject: Subject): Promise<Token> {
  const before = await change(directory, (token) => aged(token, 30));
  const { manager, events } = managerAt(directory, { interaction: 'never' });
  const token = await manager.getToken(subject.target, subject.credentials);
  expect(token.access_token).not.toBe(before.access_token);
  expect(await subject.accepts(token.access_token)).toBe(true);
  expect(token.scope).toBe(before.scope);
  expect(subject.requests).toEqual([
    { method: 'POST', path: subject.tokenPath, grant_type: 'refresh_token', status: 200, ...withSecret(subject) },
  ]);
  expect(events).toContainEqual({ type: 'refreshed', issuer: issuerOf(subject.target) });
  expect(await onDisk(directory)).toEqual([token]);
  return token;
}

/** A refresh token that the server does not take: the session has ended, after one request, and `error` says how. */
export async function refuseRefresh(directory: string, subject: Subject, refreshToken: string): Promise<OAuthEvent[]> {
  await change(directory, (token) => ({ ...aged(token, -1), refresh_token: refreshToken }));
  subject.requests.length = 0;
  const { manager, events } = managerAt(directory, { interaction: 'never' });
  expect(await manager.get(subject.target, subject.credentials)).toMatchObject({
    ok: false,
    error: { code: 'login_required' },
  });
  expect(subject.requests).toHaveLength(1);
  expect((await onDisk(directory))[0]?.refresh_token).toBeUndefined();
  return events;
}

/** Both tokens are revoked, and nothing stays on disk. */
export async function logOut(directory: string, subject: Subject, revocationPath: string): Promise<void> {
  const [token] = await onDisk(directory);
  subject.requests.length = 0;
  const { manager } = managerAt(directory, { interaction: 'never' });
  expect(await manager.logout(subject.target, subject.credentials)).toEqual({ ok: true, value: undefined });
  expect(subject.requests.map(({ path, status }) => [path, status])).toEqual([
    [revocationPath, 200],
    [revocationPath, 200],
  ]);
  expect(await subject.accepts(token?.access_token ?? '')).toBe(false);
  expect(readdirSync(tokensDirectory(directory)).filter((name) => name.endsWith('.json'))).toEqual([]);
}

/** The stored tokens. */
export async function onDisk(directory: string): Promise<Token[]> {
  const cache = fileTokenCache({ directory: tokensDirectory(directory) });
  const stored: Token[] = [];
  for (const { key } of await cache.list()) {
    const token = await cache.get(key);
    if (token !== undefined) stored.push(token);
  }
  return stored;
}

function issuerOf(target: string | { issuer: string }): string {
  return typeof target === 'string' ? target : target.issuer;
}

/** Changes the one stored token, as time or another program would. */
export async function change(directory: string, edit: (token: Token) => Token): Promise<Token> {
  const cache = fileTokenCache({ directory: tokensDirectory(directory) });
  const [entry] = await cache.list();
  const token = entry && (await cache.get(entry.key));
  if (entry === undefined || token === undefined) throw new Error('nothing is stored');
  const edited = edit(token);
  await cache.set(entry.key, edited);
  return edited;
}

function withSecret({ credentials, requests }: Subject): { secret?: 'header' | 'body' } {
  if (credentials.client_secret === undefined) return {};
  return { secret: requests[0]?.secret ?? 'header' };
}
