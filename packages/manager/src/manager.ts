import { abortable } from '@oa/mechanisms';
import { attempt, type Result, type Token, type TokenSource, type TokenSourceOptions } from '@oa/types';
import { createContext } from './context.ts';
import type { Credentials, Target } from './credentials.ts';
import { isDueEarly, isUsable } from './freshness.ts';
import { rethrowModuleError } from './module-error.ts';
import type { ManagerOptions } from './options.ts';
import { openSession, type Session } from './session.ts';
import { withStepUp } from './step-up.ts';

/** Hands out tokens: cached, else refreshed, else obtained. One manager serves any number of issuers, clients and scopes. */
export interface Manager {
  /**
   * A valid token, or the OAuthError that came instead. No failure of the network, the server, a file or a login rejects.
   *
   * The error has one of these codes, or another one that `OAuthErrorCode` lists: `login_required`, `login_timeout`,
   * `client_required`, `refresh_interrupted`, `oauth_error`, `http_error`, `network_error`, `timeout`, `issuer_mismatch`,
   * `storage_unavailable`.
   *
   * @throws {TypeError} if the target, the credentials or an option is wrong
   * @throws the reason of `options.signal` after an abort
   */
  get(target: Target, credentials: Credentials, options?: TokenSourceOptions): Promise<Result<Token>>;
  /**
   * The same as {@link Manager.get}, rejecting with the error.
   *
   * @throws {OAuthError} `login_required`, `login_timeout`, `client_required`, `refresh_interrupted`, `oauth_error`, `http_error`,
   *   `network_error`, `timeout`, `issuer_mismatch`, `storage_unavailable`, or another code that `OAuthErrorCode` lists
   * @throws {TypeError} if the target, the credentials or an option is wrong
   * @throws the reason of `options.signal` after an abort
   */
  getToken(target: Target, credentials: Credentials, options?: TokenSourceOptions): Promise<Token>;
  /**
   * A function that hands out tokens of these credentials, for `createFetch` of `@oa/fetch` and the like. It rejects as
   * {@link Manager.getToken} does.
   */
  source(target: Target, credentials: Credentials): TokenSource;
  /**
   * Deletes the stored token and revokes it at the server. The copy here is deleted also where the server can't be reached; the
   * result is then the error: `network_error`, `timeout`, `http_error`, `oauth_error` or `storage_unavailable`.
   *
   * @throws {TypeError} if the target or the credentials are wrong
   * @throws the reason of `options.signal` after an abort
   * @see https://www.rfc-editor.org/rfc/rfc7009
   */
  logout(target: Target, credentials: Credentials, options?: LogoutOptions): Promise<Result<void>>;
  /**
   * Forgets the clients that were registered at the issuer of `target`, so that the next login registers a new one. It helps where the server
   * has forgotten the client and shows an error page to the user. Only the copy here is removed, and nothing is sent to the server. A token
   * of a client with a secret can't be refreshed any more. Any other token can.
   *
   * The error is `storage_unavailable`, `insecure_file_permissions` or `lock_timeout`, and one of the discovery if `target` is a resource.
   *
   * @throws {TypeError} if the target is wrong
   */
  forgetClient(target: Target): Promise<Result<void>>;
}

/** The options of {@link Manager.logout}. */
export interface LogoutOptions {
  /** Ends the call; the promise then rejects with the signal's own reason. */
  signal?: AbortSignal | undefined;
}

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

  async function findToken(target: Target, credentials: Credentials, wanted: TokenSourceOptions): Promise<Token> {
    const session = await abortable(openSession(context, target, credentials, wanted.scope), wanted.signal);
    wanted.signal?.throwIfAborted();
    return tokenOf(session, wanted);
  }

  async function endSession(target: Target, credentials: Credentials, { signal }: LogoutOptions): Promise<void> {
    const { logout } = await import('./logout.ts');
    return logout(await abortable(openSession(context, target, credentials), signal), signal);
  }

  async function forget(target: Target): Promise<void> {
    const { forgetClient } = await import('./forget-client.ts');
    await forgetClient(context, target);
  }

  const getToken: Manager['getToken'] = (target, credentials, wanted = {}) =>
    findToken(target, credentials, wanted).catch(rethrowModuleError);

  return {
    getToken,
    get: (target, credentials, wanted) => attempt(getToken(target, credentials, wanted)),
    source: (target, credentials) => withStepUp((wanted) => getToken(target, credentials, wanted)),
    logout: (target, credentials, logoutOptions = {}) =>
      attempt(endSession(target, credentials, logoutOptions).catch(rethrowModuleError)),
    forgetClient: (target) => attempt(forget(target).catch(rethrowModuleError)),
  };
}

/** The stored token where it is usable, else a renewed one. */
async function tokenOf(session: Session, wanted: TokenSourceOptions): Promise<Token> {
  const { context, issuer } = session;
  const seen = await session.stored();
  if (seen !== undefined && isUsable(session, seen, wanted)) {
    context.emit({ type: 'cache_hit', issuer });
    if (isDueEarly(session, seen)) void renewInBackground(session, seen);
    return seen;
  }
  // Loaded here: a caller with a usable token does not need it.
  const { renew } = await import('./renewal.ts');
  // A call that may ask no user neither waits for a login nor denies one to others.
  const flight = JSON.stringify([session.flight, wanted.interaction]);
  for (;;) {
    const joining = context.renewals.has(flight);
    const token = await context.renewals.run(
      flight,
      (signal) => renew({ session, seen, wanted, signal }),
      wanted.signal,
    );
    // A renewal that another caller started may end with the very token that this caller has just seen rejected.
    if (!joining || token.access_token !== wanted.rejected) return token;
  }
}

async function renewInBackground(session: Session, seen: Token): Promise<void> {
  const { context, issuer } = session;
  const work = async (): Promise<void> => (await import('./renewal.ts')).renewEarly(session, seen);
  const renewed = await attempt(work().catch(rethrowModuleError));
  if (!renewed.ok) context.emit({ type: 'early_refresh_failed', issuer, code: renewed.error.code });
}
