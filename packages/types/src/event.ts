import type { OAuthErrorCode } from './error.ts';

/**
 * What happened along the way, free of secrets by type: no member ever holds a token, a secret, a code or a verifier.
 * `type` names the event; the other members are what a log line or a user interface needs. Times are in seconds.
 */
export type OAuthEvent = NetworkEvent | LoginEvent | ManagerEvent;

type NetworkEvent =
  /** A request is sent again after `delay` seconds. */
  | { type: 'retry'; url: string; attempt: number; delay: number; code: OAuthErrorCode; status?: number }
  /** The server publishes no metadata: the conventional endpoints are used. */
  | { type: 'discovery_fallback'; issuer: string }
  /** The server can't be reached: metadata of an earlier time is used. */
  | { type: 'stale_metadata'; issuer: string; code: OAuthErrorCode }
  /** The store given for metadata can't be read or written: discovery goes on without it. */
  | { type: 'metadata_cache_failed'; issuer: string; code: OAuthErrorCode }
  /** A token response without `token_type` was taken as Bearer. */
  | { type: 'token_type_missing'; issuer: string }
  /** The server refused one client authentication method and accepted this one. */
  | { type: 'client_authentication_changed'; issuer: string; method: string }
  /** A resource server refused the token of a request whose body was a stream: it was not sent a second time. */
  | { type: 'not_replayed'; origin: string };

type LoginEvent =
  /** The receiver is ready. `url` is what the person has to open; `paste` says whether the terminal takes a pasted address. */
  | { type: 'login_waiting'; url: string; redirect_uri: string; expires_in: number; paste: boolean }
  /** No browser could be started: the person has to open the URL. `hint` says how on this kind of machine. */
  | { type: 'browser_unavailable'; hint: string }
  /** A request that is not this login's callback was answered and ignored; `count` so far. */
  | { type: 'callback_ignored'; reason: 'host' | 'path' | 'method' | 'state'; count: number }
  | { type: 'callback_received'; via: 'loopback' | 'paste' }
  | { type: 'pasted_ignored'; code: OAuthErrorCode }
  | { type: 'code_exchanged'; issuer: string }
  /** What the person has to enter, and where (RFC 8628). */
  | {
      type: 'device_waiting';
      user_code: string;
      verification_uri: string;
      verification_uri_complete?: string;
      expires_in: number;
      interval: number;
    }
  | { type: 'device_slow_down'; interval: number };

type ManagerEvent =
  /** A stored token that is still fresh was handed out. */
  | { type: 'cache_hit'; issuer: string }
  /** Somebody else is renewing the token: this call waits for the outcome. */
  | { type: 'waiting'; issuer: string }
  /** Somebody else renewed the token while this call was waiting, and it was taken over. */
  | { type: 'adopted'; issuer: string }
  | { type: 'refreshed'; issuer: string }
  /** A new grant is needed, of a person where the grant is a login: nothing was stored, what was stored can't be refreshed, or the server ended the session. */
  | {
      type: 'grant_needed';
      issuer: string;
      grant_type: string;
      reason: 'nothing_stored' | 'not_refreshable' | 'session_ended';
    }
  | { type: 'obtained'; issuer: string; grant_type: string }
  /** The server ended the session: a new grant is needed. `code` and `error` say how it said so. */
  | { type: 'session_ended'; issuer: string; code: OAuthErrorCode; error?: string | undefined }
  /** Renewing failed, and the old token is still valid for a while. */
  | { type: 'served_stale'; issuer: string; code: OAuthErrorCode }
  /** A renewal ahead of time failed; the token handed out is still fresh. */
  | { type: 'early_refresh_failed'; issuer: string; code: OAuthErrorCode }
  | { type: 'registered'; issuer: string }
  /** The new token could not be written: it is kept in memory, and written at the next use. */
  | { type: 'persist_failed'; code: OAuthErrorCode; message: string }
  /** The store can't be read or locked: the program goes on without it. */
  | { type: 'store_unavailable'; code: OAuthErrorCode; message: string }
  | { type: 'logged_out'; issuer: string };
