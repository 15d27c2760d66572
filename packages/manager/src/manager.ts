import { abortable, createLoader } from '@oa/mechanisms';
import {
  attempt,
  OAuthError,
  openTracing,
  toTraceIssuer,
  trace,
  type Result,
  type Token,
  type TokenSourceOptions,
  type TraceContexts,
  type Tracing,
} from '@oa/types';
import { assertCallInteraction } from './assert-options.ts';
import { createContext } from './context.ts';
import { grantTypeOf, type Credentials, type Target } from './credentials.ts';
import { isDueEarly, isRefreshable, isUsable } from './freshness.ts';
import type { LogoutOptions, Manager, ManagerLoginOptions } from './manager-interface.ts';
import { rethrowModuleError } from './module-error.ts';
import type { ManagerOptions } from './options.ts';
import { isPlain, isRecallOf, peekToken, type Recall } from './recall.ts';
import { openSession, type Session } from './session.ts';
import type { StoredSession } from './sessions.ts';
import { asksForLogin, withStepUp } from './step-up.ts';
import { isOwnKey } from './stored.ts';
import type { OpenOptions } from './target.ts';

/** What is known of a call. Absent where the channel has no subscriber. */
type GetTrace = TraceContexts['oa:get'];

const gets: Tracing<GetTrace> = openTracing('oa:get');
const loadRenewal = createLoader(() => import('./renewal.ts'));

/**
 * Creates a manager. Nothing is read, opened or loaded before the first call.
 *
 * @throws {TypeError} if an option is unknown or can't be used
 * @example
 * const manager = createManager({ app: 'my-tool' });
 * const result = await manager.get('https://login.example.com', { client_id: 'my-tool', scope: 'openid offline_access' });
 * if (!result.ok) throw result.error;
 * console.log(result.value.expires_at);
 */
export function createManager(options: ManagerOptions = {}): Manager {
  const context = createContext(options);

  async function findToken(
    target: Target,
    credentials: Credentials,
    wanted: TokenSourceOptions,
    found?: GetTrace,
  ): Promise<Token> {
    assertCallInteraction(wanted.interaction);
    const open = async (more?: OpenOptions): Promise<Session> => {
      const session = await abortable(openSession(context, target, credentials, { ...wanted, ...more }), wanted.signal);
      wanted.signal?.throwIfAborted();
      return session;
    };
    if (wanted.stored !== true)
      return atIssuer(open, async (session) => {
        const token = await traceTokenOf(session, wanted, found);
        // What is stored under another key can lose scopes, and the options can name another client later.
        const isOwn = isOwnKey(session) && session.configuredClient?.client_id === credentials.client_id;
        if (isOwn && isPlain(wanted)) context.recalls.add(target, credentials, session);
        return token;
      });
    const session = await open();
    // The refresh token must not go to a server that the resource has moved away from. The empty challenge saves a request to the resource.
    const reopen = async (): Promise<Session> => {
      const reopened = await attempt(open({ stored: false, challenge: '' }));
      return reopened.ok ? reopened.value : session;
    };
    return traceTokenOf(session, { ...wanted, interaction: 'never' }, found, reopen);
  }

  async function logInNow(target: Target, credentials: Credentials, asked: ManagerLoginOptions): Promise<Token> {
    const { assertLoginNowOptions, loginNow } = await import('./login-now.ts');
    assertLoginNowOptions(asked);
    const open = (more?: OpenOptions): Promise<Session> =>
      abortable(openSession(context, target, credentials, more), asked.signal);
    return atIssuer(open, (session) => loginNow(session, asked));
  }

  async function endSession(target: Target, credentials: Credentials, asked: LogoutOptions): Promise<boolean> {
    const { assertLogoutOptions, logout } = await import('./logout.ts');
    assertLogoutOptions('logout', asked);
    const { signal } = asked;
    return logout(await abortable(openSession(context, target, credentials), signal), signal);
  }

  async function endSessions(asked: LogoutOptions): Promise<number> {
    const [{ assertLogoutOptions }, { logoutAll }] = await Promise.all([
      import('./logout.ts'),
      import('./logout-all.ts'),
    ]);
    assertLogoutOptions('logoutAll', asked);
    return logoutAll(context, asked.signal);
  }

  async function readSessions(): Promise<StoredSession[]> {
    const { listSessions } = await import('./sessions.ts');
    return listSessions(context);
  }

  async function forget(target: Target): Promise<void> {
    const { forgetClient } = await import('./forget-client.ts');
    await forgetClient(context, target);
  }

  const getToken: Manager['getToken'] = (target, credentials, wanted) => {
    if (gets.hasSubscribers) return getTraced(target, credentials, wanted);
    const recall = isPlain(wanted) ? context.recalls.find(target, credentials) : undefined;
    const known = recall && peekToken(context, recall);
    if (known !== undefined) return Promise.resolve(known);
    return findToken(target, credentials, wanted === undefined ? {} : wanted).catch(rethrowModuleError);
  };

  /** The same as `getToken` with a subscriber of the channel `oa:get`. */
  const getTraced: Manager['getToken'] = (target, credentials, wanted) => {
    const found: GetTrace = {};
    return trace(gets, found, async () => {
      const recall = isPlain(wanted) ? context.recalls.find(target, credentials) : undefined;
      const known = recall && peekToken(context, recall);
      if (recall === undefined || known === undefined)
        return findToken(target, credentials, wanted === undefined ? {} : wanted, found).catch(rethrowModuleError);
      const { issuer, credentials: recalled } = recall;
      Object.assign(found, { issuer: toTraceIssuer(issuer), grant_type: grantTypeOf(recalled), source: 'memory' });
      return known;
    });
  };

  const source: Manager['source'] = (target, credentials, always) => {
    let recall: Recall | undefined;
    const peek = (): Token | undefined => {
      if (gets.hasSubscribers) return undefined;
      if (recall === undefined || !isRecallOf(recall, target, credentials))
        recall = isPlain(always) ? context.recalls.find(target, credentials) : undefined;
      return recall && peekToken(context, recall);
    };
    return withStepUp(
      (wanted) => getToken(target, credentials, { ...wanted, interaction: always?.interaction ?? wanted?.interaction }),
      peek,
    );
  };

  return {
    getToken,
    get: (target, credentials, wanted) => attempt(getToken(target, credentials, wanted)),
    source,
    login: (target, credentials, asked = {}) => toResult(logInNow(target, credentials, asked)),
    logout: (target, credentials, asked = {}) => toResult(endSession(target, credentials, asked)),
    logoutAll: (asked = {}) => toResult(endSessions(asked)),
    sessions: () => toResult(readSessions()),
    forgetClient: (target) => toResult(forget(target)),
  };
}

function toResult<T>(work: Promise<T>): Promise<Result<T>> {
  return attempt(work.catch(rethrowModuleError));
}

/** Does `work` at the issuer of the target. */
async function atIssuer(
  open: (more?: OpenOptions) => Promise<Session>,
  work: (session: Session) => Promise<Token>,
): Promise<Token> {
  const session = await open();
  const workAt = (each: Session): Promise<Token> =>
    work(each).catch((error: unknown) => askOtherAssertion(each, error, work));
  try {
    return await workAt(session);
  } catch (error) {
    const { isOtherIssuerNeeded, withOtherIssuer } = await import('./other-issuer.ts');
    if (!isOtherIssuerNeeded(session, error)) throw error;
    return withOtherIssuer(session, error, open, workAt);
  }
}

/** Does `work` with another assertion where one can help. */
async function askOtherAssertion(
  session: Session,
  error: unknown,
  work: (session: Session) => Promise<Token>,
): Promise<Token> {
  if (session.otherAssertion === undefined) throw error;
  const { withOtherAssertion } = await import('./other-assertion.ts');
  return withOtherAssertion(session, error, work);
}

/** The same as `tokenOf`, and notes in `found` what is known of the token. */
async function traceTokenOf(
  session: Session,
  wanted: TokenSourceOptions,
  found?: GetTrace,
  reopen?: () => Promise<Session>,
): Promise<Token> {
  if (found === undefined) return tokenOf(session, wanted, found, reopen);
  Object.assign(found, { issuer: toTraceIssuer(session.issuer), grant_type: session.grant_type });
  const token = await tokenOf(session, wanted, found, reopen);
  // Without a source of its own the session has the token of a call that it has joined.
  found.source ??= session.source ?? 'adopted';
  return token;
}

/**
 * The stored token where it is usable, else a renewed one.
 *
 * @param reopen opens the session anew before a stored token is refreshed
 */
async function tokenOf(
  session: Session,
  wanted: TokenSourceOptions,
  found?: GetTrace,
  reopen?: () => Promise<Session>,
): Promise<Token> {
  const { context, issuer } = session;
  if (asksForLogin(wanted)) return (await import('./log-in-again.ts')).logInAgain(session, wanted);
  const isInMemory = found !== undefined && context.tokens.isInMemory(session.key);
  // A locked keychain waits for the user.
  const seen = await abortable(session.stored(), wanted.signal);
  if (seen !== undefined && isUsable(session, seen, wanted)) {
    session.source = isInMemory ? 'memory' : 'disk';
    context.emit({ type: 'cache_hit', issuer });
    if (isDueEarly(session, seen)) void renewInBackground(session, seen);
    return seen;
  }
  if (wanted.stored === true && !(seen !== undefined && isRefreshable(session, seen)))
    throw new OAuthError('login_required', `No token of ${issuer} is stored that can be used.`);
  if (reopen !== undefined) return traceTokenOf(await reopen(), wanted, found);
  // Loaded here: a caller with a usable token does not need it.
  const { renew } = await loadRenewal();
  // Calls that use one token for different scopes may need different grants.
  // A call that may ask no user neither waits for a login nor denies one to others.
  const flight = JSON.stringify([session.flight, session.keys, wanted.interaction]);
  for (;;) {
    const joining = context.renewals.has(flight);
    const token = await context.renewals.run(
      flight,
      (signal) => renew({ session, seen, wanted, signal }),
      wanted.signal,
    );
    // A renewal that another caller started may end with the very token that this caller has just seen rejected.
    if (joining && token.access_token === wanted.rejected) continue;
    // Both calls may have found a token that the failed renewal leaves as it is.
    const isSame = token.access_token === seen?.access_token && token.expires_at === seen.expires_at;
    if (joining && isSame) session.source = 'stale';
    return token;
  }
}

async function renewInBackground(session: Session, seen: Token): Promise<void> {
  const { context, issuer } = session;
  const work = async (): Promise<void> => (await import('./early-renewal.ts')).renewEarly(session, seen);
  const renewed = await attempt(work().catch(rethrowModuleError));
  if (!renewed.ok) context.emit({ type: 'early_refresh_failed', issuer, code: renewed.error.code });
}
