import { isOAuthError, type Token, type TokenSourceOptions } from '@oa/types';
import type { Context } from './context.ts';
import { isAlive, isFresh } from './freshness.ts';
import { isStuck, loginRequired, obtain } from './obtain.ts';
import { refresh } from './refresh.ts';
import type { Session } from './session.ts';

/** What the caller had in hand when it found that it needs something newer. */
interface Need {
  seen: Token | undefined;
  wanted: TokenSourceOptions;
  signal: AbortSignal;
}

/** A token newer than the one seen: another process's, else refreshed, else obtained. One at a time over all processes. */
export async function renew(context: Context, session: Session, need: Need): Promise<Token> {
  if (need.seen?.refresh_token === undefined && (await isStuck(context, session))) throw loginRequired(session);
  const { signal } = need;
  let waiting = false;
  return context.cache.lock(session.key, () => renewLocked(context, session, need), {
    signal,
    whileWaiting: () => {
      if (!waiting) context.emit({ type: 'waiting', issuer: session.issuer });
      waiting = true;
      return adopted(context, session, need);
    },
  });
}

/** Milliseconds after a failed attempt in which none is made ahead of time again: a server that is down needs no help with it. */
const EARLY_PAUSE = 30_000;

/**
 * Renews a token that `isEarly`, unless somebody else is at it. It never asks a person, and its failure is an event: the
 * caller has its token.
 */
export async function renewEarly(context: Context, session: Session, seen: Token): Promise<void> {
  if (context.now() < (context.early.get(session.key) ?? 0)) return;
  context.early.set(session.key, Infinity);
  const need = { seen, wanted: { rejected: seen.access_token }, signal: new AbortController().signal };
  const work = async (): Promise<Token> =>
    (await adopted(context, session, need)) ?? successor(context, session, seen, need.signal, 'alone');
  try {
    await context.cache.lock(session.key, work, { timeout: 0 });
    context.early.delete(session.key);
  } catch (error) {
    context.early.set(session.key, context.now() + EARLY_PAUSE);
    if (!isOAuthError(error)) throw error;
    if (error.code !== 'lock_timeout')
      context.emit({ type: 'early_refresh_failed', issuer: session.issuer, code: error.code });
  }
}

/** The stored token, if somebody has renewed it since the caller looked. */
async function adopted(context: Context, session: Session, need: Need): Promise<Token | undefined> {
  const stored = await context.cache.get(session.key);
  return stored !== undefined && adopts(context, session, stored, need) ? stored : undefined;
}

function adopts(context: Context, session: Session, stored: Token, { seen, wanted }: Need): boolean {
  const isNews = stored.access_token !== seen?.access_token;
  if (!isFresh(context, stored, isNews ? { ...wanted, minimumValidity: 0 } : wanted)) return false;
  context.emit({ type: 'adopted', issuer: session.issuer });
  return true;
}

async function renewLocked(context: Context, session: Session, need: Need): Promise<Token> {
  need.signal.throwIfAborted();
  const current = await context.cache.get(session.key);
  if (current === undefined) return obtain(context, session, need.signal, 'nothing_stored');
  if (adopts(context, session, current, need)) return current;
  try {
    return await successor(context, session, current, need.signal);
  } catch (error) {
    if (!isOAuthError(error) || !isAlive(context, current, need.wanted)) throw error;
    context.emit({ type: 'served_stale', issuer: session.issuer, code: error.code });
    return current;
  }
}

/**
 * Refreshes `current`, or obtains a new token where the server has definitely ended the session. Client credentials need no
 * refresh token (RFC 6749 section 4.4.3), and asking anew can't fail because of an old one.
 */
async function successor(
  context: Context,
  session: Session,
  current: Token,
  signal: AbortSignal,
  who: 'alone' | 'person' = 'person',
): Promise<Token> {
  if (current.refresh_token === undefined || session.grant_type === 'client_credentials')
    return obtain(context, session, signal, 'not_refreshable');
  const outcome = await refresh(context, session, current);
  if (outcome.ok) return outcome.value;
  if (who === 'alone') throw outcome.error;
  return obtain(context, session, signal, outcome.error);
}
