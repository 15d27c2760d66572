import type { OAuthErrorCode } from './error.ts';

/**
 * What happened during a call, for a log or a user interface. `type` names the event, and `issuer` is the authorization server.
 *
 * The type keeps secrets out: no member ever holds a token, a secret, a code or a verifier. Times are in seconds.
 * `docs/events.md` is generated from these comments.
 */
export type OAuthEvent = EventUnion & {
  /** The metadata addresses that were asked in vain, if the endpoints of the server are guessed. */
  guessed_after?: readonly string[] | undefined;
};

type EventUnion = NetworkEvent | LoginEvent | ManagerEvent;

type NetworkEvent =
  /** A request failed and is sent again after `delay` seconds. */
  | {
      type: 'retry';
      /** The endpoint, without its query. */
      url: string;
      /** The number of attempts that have failed. */
      attempt: number;
      /** The seconds until the next attempt. */
      delay: number;
      code: OAuthErrorCode;
      /** The HTTP status, if the server answered. */
      status?: number | undefined;
    }
  /** The server publishes no metadata, so the conventional endpoints `/authorize`, `/token` and `/register` are guessed. */
  | {
      type: 'discovery_fallback';
      issuer: string;
      /** The metadata addresses that were asked in vain. */
      guessed_after: readonly string[];
    }
  /** The metadata can't be fetched, so an expired copy is used. */
  | {
      type: 'stale_metadata';
      issuer: string;
      /** Why the metadata can't be fetched. */
      code: OAuthErrorCode;
    }
  /**
   * The option `cache` of the discovery can't be read or written. The discovery goes on without it. `issuer` is the URL of the resource
   * while its authorization server is not known.
   */
  | { type: 'metadata_cache_failed'; issuer: string; code: OAuthErrorCode }
  /** A token response has no `token_type`. The token counts as Bearer. */
  | { type: 'token_type_missing'; issuer: string }
  /**
   * The server ignored the DPoP proof, and issued a token that is not bound to the key. The token is used, because DPoP is `preferred` and not
   * required.
   */
  | { type: 'token_not_bound'; issuer: string }
  /** The server refused one client authentication method and accepted another. */
  | {
      type: 'client_authentication_changed';
      issuer: string;
      /** The method that the server accepted. */
      method: string;
    }
  /** A resource server refused the token. The request is not sent again, because its body is a stream. */
  | {
      type: 'not_replayed';
      /** The origin of the resource server. */
      origin: string;
    }
  /** A resource server refused the token, and no other token could be obtained. The caller receives the answer of the resource server. */
  | {
      type: 'not_renewed';
      /** The origin of the resource server. */
      origin: string;
      /** Why there is no other token. */
      code: OAuthErrorCode;
      message: string;
    }
  /** `workload` of `@oa/workload-identity` found the platform that the program runs on, and asks it for an assertion. */
  | {
      type: 'workload_found';
      platform: 'github_actions' | 'azure_pipelines' | 'token_file' | 'azure_managed_identity' | 'gcp_metadata';
      /** The environment variable or the file that shows it. */
      evidence: string;
    };

type LoginEvent =
  /**
   * The program waits for the user to log in with a browser. The event comes again, with a new URL, when the server has forgotten a pushed
   * request (RFC 9126) and no browser has opened the login.
   */
  | {
      type: 'login_waiting';
      /** Where the user logs in. */
      issuer: string;
      /** The resources that the token is for, if the login names them (RFC 8707). */
      resource?: readonly string[] | undefined;
      /**
       * The authorization URL. It is for the screen of the user: other users of the machine can read the arguments of a program that is
       * started with it.
       */
      url: string;
      redirect_uri: string;
      /** The seconds until the login times out. */
      expires_in: number;
      /** Whether the terminal accepts a pasted address. */
      paste: boolean;
    }
  /** No browser could be started. The user must open the URL. */
  | {
      type: 'browser_unavailable';
      /** How to open the URL on this kind of machine. */
      hint: string;
    }
  /** A request that is not the authorization response of this login was answered and ignored. */
  | {
      type: 'callback_ignored';
      /**
       * The part of the request that does not match. `user`: another user of the machine sent it. `headers`: they are too large. `routine`:
       * a favicon request, a HEAD or a preflight, which browsers send by themselves.
       */
      reason: 'host' | 'path' | 'method' | 'state' | 'user' | 'headers' | 'routine';
      /** The number of requests that were ignored so far, without those of browsers by themselves. */
      count: number;
      /**
       * What an answer without `state` said, in the characters of RFC 6749 section 5.2. It is not verified: every program and every web
       * site can send one. Only the first three different ones are told.
       */
      unverified?: string | undefined;
      /** With the reason `headers`: whether the user can paste the address that the browser ended on instead. */
      paste?: boolean | undefined;
    }
  /** Another login has the port, in this process or in another one. This login waits for it. */
  | { type: 'port_waiting'; port: number }
  /** The authorization response arrived. */
  | {
      type: 'callback_received';
      /** Whether the browser sent it to the loopback port, or the user pasted it. */
      via: 'loopback' | 'paste';
    }
  /** The user pasted text that is not the authorization response of this login. */
  | {
      type: 'pasted_ignored';
      /** `invalid_callback` for other text or a part of the response, `state_mismatch` for the response of another login. */
      code: OAuthErrorCode;
      /** What a response without `state` said, in the characters of RFC 6749 section 5.2. It is not verified. */
      unverified?: string | undefined;
    }
  /** The authorization code was exchanged for a token. */
  | { type: 'code_exchanged'; issuer: string }
  /** The login asked for `offline_access`, and the token has no refresh token (OpenID Connect Core section 11). */
  | {
      type: 'refresh_token_missing';
      issuer: string;
      /** The seconds until the user must log in again, if the server says when the token expires. */
      expires_in?: number | undefined;
    }
  /** The program waits for the user to log in on another device (RFC 8628 section 3.3). */
  | {
      type: 'device_waiting';
      /** The code for the user to enter. */
      user_code: string;
      /** The URL for the user to open. */
      verification_uri: string;
      /** The same URL with the code in it, for a QR code. */
      verification_uri_complete?: string | undefined;
      /** The seconds until the code expires. */
      expires_in: number;
      /** The seconds between two polls. */
      interval: number;
    }
  /** The server asked for slower polling (RFC 8628 section 3.5). */
  | {
      type: 'device_slow_down';
      /** The seconds between two polls from now on. */
      interval: number;
    };

type ManagerEvent =
  /** The caller names an issuer that the metadata of the resource does not name. The caller's issuer is used. */
  | { type: 'issuer_not_named'; issuer: string; resource: string }
  /** A stored token that is still fresh was returned. */
  | { type: 'cache_hit'; issuer: string }
  /** Another process or call is renewing the token. This call waits for the outcome. */
  | { type: 'waiting'; issuer: string }
  /** Another program of the same user is logging in. This program waits for the outcome, and shows no URL. */
  | { type: 'login_elsewhere'; issuer: string }
  /** Another process or call renewed the token while this call waited. This call returns that token. */
  | { type: 'adopted'; issuer: string }
  /** The token was refreshed. */
  | { type: 'refreshed'; issuer: string }
  /** A new grant is needed. For a login, a user must take part. */
  | {
      type: 'grant_needed';
      issuer: string;
      grant_type: string;
      /**
       * `manager.login` was called, no token is stored, the stored token can't be refreshed, the server ended the session, or it refused the refresh token without
       * saying so for certain. In the last case the refresh token stays stored until the grant has succeeded.
       */
      reason: 'login_requested' | 'nothing_stored' | 'not_refreshable' | 'session_ended' | 'refresh_refused';
    }
  /** A token was obtained with a new grant. */
  | { type: 'obtained'; issuer: string; grant_type: string }
  /** The server ended the session, so a new grant is needed. */
  | {
      type: 'session_ended';
      issuer: string;
      code: OAuthErrorCode;
      /** The error code of the server. */
      error?: string | undefined;
    }
  /** The renewal failed. The old token was returned, because it is still valid for a while. */
  | { type: 'served_stale'; issuer: string; code: OAuthErrorCode }
  /** An early renewal failed. The token that was returned is still fresh. */
  | { type: 'early_refresh_failed'; issuer: string; code: OAuthErrorCode }
  /** A client was registered. */
  | { type: 'registered'; issuer: string }
  /** A new client was registered in place of a remembered one. */
  | {
      type: 'registration_replaced';
      issuer: string;
      /**
       * The server does not know the remembered client any more, the last login with it was not completed in time, or a login can't use its
       * `redirect_uris` any more: other options ask for others, or other programs use their ports. Or the server refuses a `scope` to it.
       */
      reason: 'unknown_client' | 'login_timeout' | 'redirect_uris' | 'scope';
    }
  /** The server does not accept the client metadata document, or shows no answer to it. A client is registered instead, for a day. */
  | {
      type: 'metadata_document_refused';
      issuer: string;
      /** The URL of the document. */
      url: string;
    }
  /** The server has renewed the secret of a registered client, which was about to expire, or changed its `redirect_uris` or `scope` (RFC 7592). */
  | { type: 'registration_renewed'; issuer: string }
  /** A new token or client could not be stored. It is kept in memory. A token is stored at the next use. */
  | {
      type: 'persist_failed';
      code: OAuthErrorCode;
      /** The file, why it can't be written, and what helps. */
      message: string;
    }
  /** A file of the store was cut, edited, or changed on the disk. It counts as missing, and the next write moves it aside. */
  | { type: 'file_damaged'; file: string; message: string }
  /** The store can't be read or locked. The program goes on without it. */
  | { type: 'store_unavailable'; code: OAuthErrorCode; message: string }
  /** The user was logged out. */
  | { type: 'logged_out'; issuer: string };
