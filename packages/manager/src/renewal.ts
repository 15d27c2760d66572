import { isOAuthError, type Token, type TokenSourceOptions } from '@oa/types';
import { isAccepted, isRefreshable, isUsable } from './freshness.ts';
import { canObtain, loginRequired } from './obtain.ts';
import type { Outcome } from './outcome.ts';
import { refresh } from './refresh.ts';
import type { Session } from './session.ts';

/** One search for a newer token than the caller has seen. */
export interface Renewal {
  session: Session;
  /** What was stored when the caller looked. */
  seen: Token | undefined;
  wanted: TokenSourceOptions;
  /** Aborts when no caller waits any more. */
  signal: AbortSignal;
}

/** A newer token: another process's, else refreshed, else obtained. One renewal per key at a time, over all processes. */
export async function renew(renewal: Renewal): Promise<Token> {
  const { session, seen, signal } = renewal;
  const { context, issuer, key } = session;
  if (seen?.refresh_token === undefined && !(await canObtain(session))) throw loginRequired(session);
  let waiting = false;
  const whileWaiting = async (): Promise<Token | undefined> => {
    if (!waiting) context.emit({ type: 'waiting', issuer });
    waiting = true;
    return adoptNewer(renewal, await session.stored());
  };
  return context.tokens.lock(key, () => renewLocked(renewal), { signal, whileWaiting });
}

async function renewLocked(renewal: Renewal): Promise<Token> {
  const { session, wanted, signal } = renewal;
  signal.throwIfAborted();
  const current = await session.stored();
  const adopted = adoptNewer(renewal, current);
  if (adopted !== undefined) return adopted;
  const outcome = await replace(session, current, signal);
  if (outcome.type === 'renewed') return outcome.token;
  if (current === undefined || !isAccepted(session, current, wanted)) throw outcome.error;
  session.context.emit({ type: 'served_stale', issuer: session.issuer, code: outcome.error.code });
  return current;
}

/** Refreshes `current`; obtains a new token where there is nothing to refresh, or where the server has ended the session. */
async function replace(session: Session, current: Token | undefined, signal: AbortSignal): Promise<Outcome> {
  if (current === undefined) return session.obtain('nothing_stored', signal);
  if (!isRefreshable(session, current)) return session.obtain('not_refreshable', signal);
  const refreshed = await refresh(session, current);
  return refreshed.type === 'ended' ? session.obtain(refreshed.error, signal) : refreshed;
}

/**
 * Renews a usable token ahead of time, unless another call or process is doing it. It never asks a user. A failure is an event: the
 * caller has its token.
 */
export async function renewEarly(session: Session, seen: Token): Promise<void> {
  const { context, issuer, key } = session;
  if (!context.earlyRefreshes.begin(key)) return;
  try {
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
  const outcome = refreshable ? await refresh(session, current) : await session.obtain('not_refreshable', signal);
  if (outcome.type !== 'renewed') throw outcome.error;
}

/**
 * `stored`, if it is another token than the caller has seen, and usable. It may be valid for less than `minimumValidity`: the server
 * would not grant more to this process either.
 */
function adoptNewer({ session, seen, wanted }: Renewal, stored: Token | undefined): Token | undefined {
  if (stored === undefined) return undefined;
  if (stored.access_token === seen?.access_token && stored.expires_at === seen.expires_at) return undefined;
  if (!isUsable(session, stored, { rejected: wanted.rejected })) return undefined;
  session.context.emit({ type: 'adopted', issuer: session.issuer });
  return stored;
}
