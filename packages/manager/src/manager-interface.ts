import type { RequestParameters, Result, Token, TokenSource, TokenSourceOptions } from '@oa/types';
import type { Credentials, Target } from './credentials.ts';
import type { StoredSession } from './sessions.ts';

/** Hands out tokens: cached, else refreshed, else obtained. One manager serves any number of issuers, clients and scopes. */
export interface Manager {
  /**
   * A valid token, or the OAuthError that came instead. No failure of the network, the server, a file or a login rejects.
   *
   * A stored token of a user is also used if it was requested with other scopes, and its granted scopes have all that `credentials` ask for.
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
   *
   * @param options hold for every call of the function: `interaction: 'never'` asks no user
   */
  source(target: Target, credentials: Credentials, options?: SourceOptions): TokenSource;
  /**
   * Makes the grant of these credentials now, whatever is stored, and stores the token where {@link Manager.get} finds it: the user logs
   * in, or logs in again. A client with a secret and no user requests another token. A stored token stays until there is a new one.
   *
   * A user is also asked where the option `interaction` of the manager is `never`, if there is a terminal: the call itself asks for it.
   *
   * The error has one of these codes, or another one that `OAuthErrorCode` lists: `login_required`, `login_timeout`,
   * `client_required`, `oauth_error`, `http_error`, `network_error`, `timeout`, `issuer_mismatch`, `storage_unavailable`.
   *
   * @throws {TypeError} if the target, the credentials or an option is wrong
   * @throws the reason of `options.signal` after an abort
   * @example
   * await manager.login(issuer, { client_id: 'my-tool', profile: 'work' }, { parameters: { prompt: 'login consent' } });
   */
  login(target: Target, credentials: Credentials, options?: ManagerLoginOptions): Promise<Result<Token>>;
  /**
   * Deletes the stored token and revokes it at the server. The copy here is deleted also where the server can't be reached; the
   * result is then the error, which says so: `network_error`, `timeout`, `http_error`, `oauth_error` or `storage_unavailable`.
   *
   * @returns whether there was a token, so that a session has ended
   * @throws {TypeError} if the target, the credentials or an option is wrong
   * @throws the reason of `options.signal` after an abort
   * @see https://www.rfc-editor.org/rfc/rfc7009
   */
  logout(target: Target, credentials: Credentials, options?: LogoutOptions): Promise<Result<boolean>>;
  /**
   * Ends every session of {@link Manager.sessions}, as {@link Manager.logout} does. One that fails does not stop the others. The error is
   * that of the first session that failed, and says how many there were.
   *
   * The secret of a configured client is not stored, so its token is deleted and can't be revoked.
   *
   * @returns how many sessions have ended
   * @throws {TypeError} if an option is wrong, or if the option `cache` of the manager is a store without `keys`
   * @throws the reason of `options.signal` after an abort
   */
  logoutAll(options?: LogoutOptions): Promise<Result<number>>;
  /**
   * What is stored, without any secret. Nothing is sent to a server.
   *
   * The error is `storage_unavailable` or `insecure_token_cache_permissions`, if a stored token can't be read.
   *
   * @throws {TypeError} if the option `cache` of the manager is a store without `keys`
   */
  sessions(): Promise<Result<StoredSession[]>>;
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

/** The options of {@link Manager.source}. */
export type SourceOptions = Pick<TokenSourceOptions, 'interaction'>;

/** The options of {@link Manager.login}. */
export interface ManagerLoginOptions {
  /**
   * Wire parameters of this login alone: `prompt`, `login_hint`, `max_age`, `ui_locales`, `acr_values`, ... They are no part of the key of
   * the token. `scope`, `resource` and `audience` belong to the credentials. A `prompt` replaces the `prompt=consent` that is sent with
   * `offline_access`: without `consent` in it a server may give no refresh token.
   *
   * @see https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
   */
  parameters?: RequestParameters | undefined;
  /** Ends the call; the promise then rejects with the signal's own reason. */
  signal?: AbortSignal | undefined;
}

/** The options of {@link Manager.logout} and {@link Manager.logoutAll}. */
export interface LogoutOptions {
  /** Ends the call; the promise then rejects with the signal's own reason. */
  signal?: AbortSignal | undefined;
}
