import { attempt, type Result, type Token } from '@oa/types';
import type { Session } from './session.ts';

/** Deletes the stored token, then revokes it at the server (RFC 7009). Where the server can't be reached only the copy here is gone. */
export async function logout(session: Session, signal: AbortSignal | undefined): Promise<Result<void>> {
  const { tokens } = session.context;
  return attempt(tokens.lock(session.key, () => deleteAndRevoke(session, signal), { signal }));
}

async function deleteAndRevoke(session: Session, signal: AbortSignal | undefined): Promise<void> {
  const { context, issuer, key } = session;
  const token = await session.stored();
  if (token === undefined) return;
  await context.tokens.delete(key);
  await revoke(session, token, signal);
  context.emit({ type: 'logged_out', issuer });
}

async function revoke(session: Session, token: Token, signal: AbortSignal | undefined): Promise<void> {
  const server = await session.server();
  if (server.revocation_endpoint === undefined) return;
  const found = await session.clientOf(token);
  // Only its client can revoke a token (RFC 7009 section 2.1).
  if (found === undefined) return;
  const { revokeToken } = await import('@oa/token-endpoint');
  await revokeToken(server, found.client, token, { ...session.network, signal });
}
