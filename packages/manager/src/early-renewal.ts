import { isOAuthError, type Token } from '@oa/types';
import { isRefreshable } from './freshness.ts';
import { refresh } from './refresh.ts';
import { adoptNewer, rememberOutcome } from './renewal.ts';
import type { Session } from './session.ts';

/**
 * Renews a usable token ahead of time, unless another call or process is doing it. It never asks a user. A failure is an event: the
 * caller has its token.
 */
export async function renewEarly(session: Session, seen: Token): Promise<void> {
  const { context, issuer, key } = session;
  if (!context.earlyRefreshes.begin(key)) return;
  try {
    const remembered = await (await context.failures()).find(session);
    if (remembered !== undefined) throw remembered;
    await context.tokens.lock(key, () => renewEarlyLocked(session, seen), { timeout: 0 });
    context.earlyRefreshes.succeed(key);
  } catch (error) {
    context.earlyRefreshes.fail(key);
    if (!isOAuthError(error)) throw error;
    if (error.code !== 'lock_timeout') context.emit({ type: 'early_refresh_failed', issuer, code: error.code });
  }
}

/** Throws the failure, so that the lock shares it with the calls that wait. */
async function renewEarlyLocked(session: Session, seen: Token): Promise<void> {
  const { signal } = new AbortController();
  const current = await session.stored();
  // Logged out meanwhile, or renewed by another process.
  if (current === undefined || adoptNewer({ session, seen, wanted: {}, signal }, current) !== undefined) return;
  const refreshable = isRefreshable(session, current);
  const outcome = refreshable ? await refresh(session, current) : await session.obtain('not_refreshable', { signal });
  await rememberOutcome(session, outcome);
  if (outcome.type !== 'renewed') throw outcome.error;
}
