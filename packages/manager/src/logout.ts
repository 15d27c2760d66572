import { attempt, type Result, type Token } from '@oa/types';
import { clientFor } from './client.ts';
import type { Context } from './context.ts';
import type { Session } from './session.ts';

/**
 * Forgets the token, then revokes it at the server (RFC 7009): the local copy is gone even where the server can't be
 * reached, and that is then the error.
 */
export async function logout(context: Context, session: Session, signal?: AbortSignal): Promise<Result<void>> {
  const work = (): Promise<void> => revokeAndForget(context, session, signal);
  return attempt(context.cache.lock(session.key, work, signal === undefined ? {} : { signal }));
}

async function revokeAndForget(context: Context, session: Session, signal: AbortSignal | undefined): Promise<void> {
  const token = await context.cache.get(session.key);
  if (token === undefined) return;
  await context.cache.delete(session.key);
  await revoke(context, session, token, signal);
  context.emit({ type: 'logged_out', issuer: session.issuer });
}

async function revoke(
  context: Context,
  session: Session,
  token: Token,
  signal: AbortSignal | undefined,
): Promise<void> {
  const server = await session.server();
  if (server.revocation_endpoint === undefined) return;
  const { revokeToken } = await import('@oa/token-endpoint');
  await revokeToken(server, await clientFor(context, session, server), token, {
    ...context.network,
    ...(signal && { signal }),
  });
}
