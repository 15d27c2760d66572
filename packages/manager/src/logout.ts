import { attempt, OAuthError, type Token } from '@oa/types';
import type { LogoutOptions } from './manager-interface.ts';
import { findWithOtherScopes } from './other-scopes.ts';
import { withServer } from './server.ts';
import type { Session } from './session.ts';
import { toKeys } from './stored.ts';
import { createTurnReport } from './waiting.ts';
import { isLoginWayOut } from './way-out.ts';

/**
 * A `profile` or an `issuer` that is ignored would end another session than the caller means.
 *
 * @throws {TypeError} that names the option, if it is unknown
 */
export function assertLogoutOptions(call: 'logout' | 'logoutAll', options: LogoutOptions): void {
  const unknown = Object.keys(options).find((name) => name !== 'signal');
  if (unknown !== undefined) throw new TypeError(`${call} has no option ${unknown}. Use signal.`);
}

/**
 * Deletes the stored token, then revokes it at the server (RFC 7009), also where it can't be deleted. Where the server can't be reached, or
 * where the token can't be read, only the copy here is gone. The error says so.
 *
 * Tokens that the session would use next go too, because their scopes cover what it asks for, or because an earlier version has stored
 * them under another key: the user would still be logged in.
 *
 * @returns whether there was a token
 * @throws {OAuthError} of the network, the server or the store
 */
export async function logout(session: Session, signal: AbortSignal | undefined): Promise<boolean> {
  const others = await findWithOtherScopes(session);
  const ends = [];
  for (const key of [...(await usedKeys(session)), ...others.map((other) => other.key)])
    ends.push(await attempt(logoutOf(session, key, signal)));
  const failed = ends.find((end) => !end.ok);
  if (failed !== undefined) throw failed.error;
  return ends.some((end) => end.ok && end.value);
}

/** The key of the session, and those of earlier versions that hold a token, or may hold one that can't be read. */
async function usedKeys({ context: { tokens }, keys: [key, ...formerKeys] }: Session): Promise<string[]> {
  const used = [key];
  for (const former of formerKeys) {
    const read = await attempt((async () => tokens.get(former))());
    if (!read.ok || read.value !== undefined || tokens.problemOf(former) !== undefined) used.push(former);
  }
  return used;
}

/** Ends the session of one key, and no other one. */
export async function logoutOf(session: Session, key: string, signal: AbortSignal | undefined): Promise<boolean> {
  const keyed = { ...session, ...toKeys(key, session.configuredClient) };
  // Nothing is asked of the user.
  const whileWaiting = createTurnReport(keyed, 'always');
  return session.context.tokens.lock(key, () => deleteAndRevoke(keyed, signal), { signal, whileWaiting });
}

async function deleteAndRevoke(session: Session, signal: AbortSignal | undefined): Promise<boolean> {
  const { context, issuer, key } = session;
  const read = await attempt((async () => context.tokens.get(key))());
  // What can't be read is deleted too, and is no reason to say that the user is logged out.
  const problem = read.ok ? context.tokens.problemOf(key) : read.error;
  const token = read.ok ? read.value : undefined;
  // A damaged file counts as missing, and may hold a whole refresh token.
  const deleted = await attempt((async () => context.tokens.delete(key))());
  if (deleted.ok && problem !== undefined)
    throw notRevoked(
      'The stored token is deleted, but it could not be read, so it is not revoked at the server.',
      problem,
    );
  // A token that can't be deleted here is revoked all the more.
  const revoked = token && (await attempt(revoke(session, token, signal)));
  if (!deleted.ok) throw deleted.error;
  if (token === undefined || revoked === undefined) return false;
  await forgetOutage(session, token);
  if (!revoked.ok)
    throw notRevoked(
      'The stored token is deleted, so this program is logged out. It is not revoked at the server.',
      revoked.error,
    );
  context.emit({ type: 'logged_out', issuer });
  return true;
}

/** The failures of a refresh must not prevent the login after the logout. */
async function forgetOutage(session: Session, token: Token): Promise<void> {
  const failures = await session.context.failures();
  const failure = await failures.find(session);
  if (failure !== undefined && isLoginWayOut(session, token, failure)) await failures.forget(session);
}

function notRevoked(text: string, error: OAuthError): OAuthError {
  // Its message says that the value is kept, and how to keep it.
  const why = error.code === 'decryption_failed' ? 'This program does not have its encryption key.' : error.message;
  // Another call would find nothing to revoke.
  return new OAuthError(error.code, `${text} ${why}`, { ...error.toJSON(), retryable: false });
}

async function revoke(session: Session, token: Token, signal: AbortSignal | undefined): Promise<void> {
  await withServer(session, async (server) => {
    if (server.revocation_endpoint === undefined) return;
    const found = await session.clientOf(token);
    // Only its client can revoke a token (RFC 7009 section 2.1).
    if (found === undefined) return;
    const { revokeToken } = await import('@oa/token-endpoint');
    await revokeToken(server, found.client, token, { ...session.network, signal });
  });
}
