import { OAuthError, type Token, type TokenSourceOptions } from '@oa/types';
import { isAccepted, isLoginPointless, isRefreshable, isUsable, isWithoutLifetime } from './freshness.ts';
import { loginRequired } from './login-required.ts';
import { reasonNoGrant } from './obtain.ts';
import { findOtherResource, renewWithOtherResource } from './other-resource.ts';
import { coversSession } from './other-scopes.ts';
import type { Outcome } from './outcome.ts';
import { refresh, type OnSlowRefresh } from './refresh.ts';
import type { GrantReason, Session } from './session.ts';
import { isOwnKey, useOwnKey } from './stored.ts';
import { createWaitingReport } from './waiting.ts';
import { withWayOut } from './way-out.ts';

/** One search for a newer token than the caller has seen. */
export interface Renewal {
  session: Session;
  /** What was stored when the caller looked. */
  seen: Token | undefined;
  wanted: TokenSourceOptions;
  /** Aborts when no caller waits any more. */
  signal: AbortSignal;
  /** Why a grant is needed, although `seen` is stored: it has another key than the grant. */
  grantReason?: GrantReason;
}

/** The token that the session uses has another key than a new grant, whose lock is needed for it. */
interface NeededGrant {
  type: 'grant';
  reason: GrantReason;
}

/**
 * A newer token: another process's, else refreshed, else obtained. One renewal per key at a time, over all processes.
 *
 * A failure that the server wants to be remembered is thrown again, without a request, until its time is over.
 */
export async function renew(renewal: Renewal): Promise<Token> {
  const { session, seen, wanted } = renewal;
  // A refresh does not need the code of a login.
  const reason = seen?.refresh_token === undefined ? await reasonNoGrant(session, wanted.interaction) : undefined;
  if (reason !== undefined && (await findOtherResource(session)) === undefined)
    throw loginRequired(session, { reason });
  for (let turn = renewal; ;) {
    const renewed = await renewInTurn(turn);
    const isToken = 'access_token' in renewed;
    if (isToken && coversSession(session, renewed)) return renewed;
    useOwnKey(session);
    turn = { ...renewal, grantReason: isToken ? 'not_refreshable' : renewed.reason };
  }
}

async function renewInTurn(renewal: Renewal): Promise<Token | NeededGrant> {
  const { session, seen, wanted, signal } = renewal;
  const { context, key } = session;
  const failures = await context.failures();
  const failAgain = async (): Promise<Token | undefined> => {
    const error = await failures.find(session);
    return error && conclude(renewal, seen, { type: 'failed', error });
  };
  const failed = await failAgain();
  if (failed !== undefined) return failed;
  const tellOnce = createWaitingReport(session, wanted.interaction);
  const whileWaiting = async (): Promise<Token | undefined> => {
    const stored = await session.stored();
    await tellOnce(stored);
    return adoptNewer(renewal, stored) ?? failAgain();
  };
  // The wait of the callers ends before the lock is free if the answer to a refresh takes too long.
  const slow = Promise.withResolvers<Token>();
  const onSlow: OnSlowRefresh = (current, error) =>
    slow.resolve((async () => conclude(renewal, current, { type: 'failed', error }))());
  const renewed = context.tokens.lock(key, () => renewLocked(renewal, onSlow), { signal, whileWaiting });
  return Promise.race([renewed, slow.promise]);
}

async function renewLocked(renewal: Renewal, onSlow: OnSlowRefresh): Promise<Token | NeededGrant> {
  const { session, seen, wanted, signal, grantReason } = renewal;
  signal.throwIfAborted();
  const stored = await session.stored();
  const adopted = adoptNewer(renewal, stored);
  if (adopted !== undefined) return adopted;
  const current = grantReason === undefined ? stored : seen;
  const isRejected = current !== undefined && current.access_token === wanted.rejected;
  if (isRejected && (await isPointlessToReplace(session, current))) throw tokenRejected();
  const outcome = await replace(renewal, current, onSlow);
  if (outcome.type === 'grant') return outcome;
  await rememberOutcome(session, outcome);
  if (isRejected && outcome.type === 'renewed') await rememberReplacement(session, outcome.token);
  return conclude(renewal, current, outcome);
}

/** With the lock held, so that the calls that wait for it learn of a failure before they ask the server. */
export async function rememberOutcome(session: Session, outcome: Outcome): Promise<void> {
  const failures = await session.context.failures();
  await (outcome.type === 'renewed' ? failures.forget(session) : failures.add(session, outcome.error));
}

/**
 * Whether no other token than `token`, which a resource server has just refused, would help: it was issued seconds ago, and it replaced
 * another refused token, or a user would have to log in again.
 */
async function isPointlessToReplace(session: Session, token: Token): Promise<boolean> {
  if (isLoginPointless(session, token)) return true;
  return (await (await session.context.failures()).find(session, token)) !== undefined;
}

/** For other processes too: each run of a program would renew the token otherwise. */
async function rememberReplacement(session: Session, token: Token): Promise<void> {
  await (await session.context.failures()).add(session, tokenRejected(), token);
}

/** The new token, else `current` while it is accepted, else the error. */
function conclude({ session, wanted }: Renewal, current: Token | undefined, outcome: Outcome): Token {
  if (outcome.type === 'renewed') return outcome.token;
  if (current === undefined || !isAccepted(session, current, wanted)) throw withWayOut(session, current, outcome.error);
  session.source = 'stale';
  session.context.emit({ type: 'served_stale', issuer: session.issuer, code: outcome.error.code });
  return current;
}

/** Refreshes `current`; obtains a new token where there is nothing to refresh, or where the server has refused to. The grant needs the lock of its key. */
async function replace(
  { session, wanted, signal, grantReason }: Renewal,
  current: Token | undefined,
  onSlow: OnSlowRefresh,
): Promise<Outcome | NeededGrant> {
  const grant = async (reason: GrantReason): Promise<Outcome | NeededGrant> => {
    if (!isOwnKey(session)) return { type: 'grant', reason };
    // Not after a refusal: two sessions could then wait for the lock of each other.
    const shared = typeof reason === 'string' ? await renewWithOtherResource(session, signal) : undefined;
    return shared ?? session.obtain(reason, { signal, interaction: wanted.interaction });
  };
  if (grantReason !== undefined) return grant(grantReason);
  if (current === undefined) return grant('nothing_stored');
  if (!isRefreshable(session, current)) return grant('not_refreshable');
  const refreshed = await refresh(session, current, onSlow);
  if (refreshed.type !== 'refused') return refreshed;
  // The user has logged in for this token. A login for each call would give tokens like it.
  const isKept = isWithoutLifetime(session, current) && isAccepted(session, current, wanted);
  return isKept ? { type: 'failed', error: refreshed.error } : grant(refreshed);
}

/**
 * `stored`, if it is another token than the caller has seen, and usable. It may be valid for less than `minimumValidity`: the server
 * would not grant more to this process either.
 */
export function adoptNewer({ session, seen, wanted }: Renewal, stored: Token | undefined): Token | undefined {
  if (stored === undefined) return undefined;
  if (stored.access_token === seen?.access_token && stored.expires_at === seen.expires_at) return undefined;
  if (!isUsable(session, stored, { rejected: wanted.rejected })) return undefined;
  session.source = 'adopted';
  session.context.emit({ type: 'adopted', issuer: session.issuer });
  return stored;
}

/** The error for a resource server that no other token would satisfy. */
export function tokenRejected(): OAuthError {
  return new OAuthError(
    'token_rejected',
    'The resource server refuses a token that was issued seconds ago, so no other one was requested. Check that the token is for this API: its issuer or tenant, resource, audience, scopes and roles.',
  );
}
