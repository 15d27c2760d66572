import { attempt, OAuthError, type Token } from '@oa/types';
import { withServer } from './server.ts';
import type { Session } from './session.ts';

/**
 * Deletes the stored token, then revokes it at the server (RFC 7009), also where it can't be deleted. Where the server can't be reached, or
 * where the token can't be read, only the copy here is gone. The error says so.
 *
 * @throws {OAuthError} of the network, the server or the store
 */
export async function logout(session: Session, signal: AbortSignal | undefined): Promise<void> {
  const { tokens } = session.context;
  // The first read settles the key. What can't be read is read again with the lock.
  await attempt(session.stored());
  await tokens.lock(session.key, () => deleteAndRevoke(session, signal), { signal });
}

async function deleteAndRevoke(session: Session, signal: AbortSignal | undefined): Promise<void> {
  const { context, issuer, key } = session;
  const read = await attempt((async () => context.tokens.get(key))());
  // What can't be read is deleted too, and is no reason to say that the user is logged out.
  const problem = read.ok ? context.tokens.problemOf(key) : read.error;
  const token = read.ok ? read.value : undefined;
  // A damaged file counts as missing, and may hold a whole refresh token.
  const deleted = await attempt((async () => context.tokens.delete(key))());
  if (deleted.ok && problem !== undefined) throw notRevoked(problem);
  // A token that can't be deleted here is revoked all the more.
  const revoked = token && (await attempt(revoke(session, token, signal)));
  if (!deleted.ok) throw deleted.error;
  if (revoked === undefined) return;
  if (!revoked.ok) throw revoked.error;
  context.emit({ type: 'logged_out', issuer });
}

function notRevoked({ code, message }: OAuthError): OAuthError {
  return new OAuthError(
    code,
    `The stored token is deleted, but it could not be read, so it is not revoked at the server. ${message}`,
  );
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
