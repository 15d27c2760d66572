import { deferSignals } from './defer-signals.ts';
import { isOAuthError, OAuthError, type Result, type Token } from '@oa/types';
import { clientFor, forgetRegistration, isRegistrationDead } from './client.ts';
import type { Context } from './context.ts';
import type { Session } from './session.ts';

/**
 * The successor of `current`, already durable (RFC 6749 section 6), or the server's last word on the session as the error of the
 * result. Everything else (network, 5xx, 429, a full disk) is no reason to log in again, and rejects. The lock is held by the
 * caller. The request is sent only when there is room to keep its answer, and it is not aborted: its answer may be the only copy
 * of the next refresh token.
 */
export async function refresh(context: Context, session: Session, current: Token): Promise<Result<Token>> {
  const server = await session.server();
  const client = await clientFor(context, session, server);
  const { refreshToken, isRefreshRefused } = await import('@oa/token-endpoint');
  const { interrupted } = await context.cache.reserve(session.key);
  try {
    return await deferSignals(async () => {
      const { resource } = session.wire;
      const token = await refreshToken(server, client, current, { resource }, context.network);
      await context.cache.set(session.key, token);
      context.emit({ type: 'refreshed', issuer: session.issuer });
      return { ok: true, value: token };
    });
  } catch (error) {
    if (!isOAuthError(error)) throw error;
    const dead = isRegistrationDead(session, error);
    if (!dead && !isRefreshRefused(error)) throw error;
    const stored = await context.cache.get(session.key);
    if (stored?.refresh_token !== undefined && stored.refresh_token !== current.refresh_token)
      return refresh(context, session, stored);
    if (dead) await forgetRegistration(context, session, client);
    await dropRefreshToken(context, session, current);
    const cause = interrupted ? interruption(error) : error;
    context.emit({
      type: 'session_ended',
      issuer: session.issuer,
      code: cause.code,
      ...(error.error !== undefined && { error: error.error }),
    });
    return { ok: false, error: cause };
  }
}

/** The access token may still be good for a while; only what was refused is deleted. */
async function dropRefreshToken(context: Context, session: Session, current: Token): Promise<void> {
  const { refresh_token: _refused, ...rest } = current;
  await context.cache.set(session.key, rest);
}

function interruption(refusal: OAuthError): OAuthError {
  return new OAuthError(
    'refresh_interrupted',
    'an earlier process was killed between sending the refresh request and storing its answer; the refresh token was used up by it',
    refusal,
  );
}
