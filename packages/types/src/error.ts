/**
 * What went wrong. The union is closed: a program can be written against it.
 *
 * | code | meaning |
 * |---|---|
 * | `network_error` | no connection, or it broke |
 * | `timeout` | the server did not answer completely in time |
 * | `insecure_url` | plain `http:` to a host that is not loopback, or not an http(s) URL at all |
 * | `redirect_refused` | the endpoint redirected where following would be unsafe |
 * | `response_too_large` | the response body is over the limit (1 MiB) |
 * | `unexpected_content_type` | the body is not JSON (an HTML page, plain text) |
 * | `invalid_json` | the body says it is JSON and is not |
 * | `invalid_response` | JSON, but not what the specification asks for |
 * | `http_error` | an error status without an OAuth error in the body |
 * | `oauth_error` | the server refused; its own code is in `error` |
 * | `unsupported_token_type` | a token type this client does not understand (RFC 6749 section 7.1) |
 * | `issuer_mismatch` | metadata or a callback that belongs to another issuer (RFC 8414 section 3.3, RFC 9207) |
 * | `metadata_not_found` | the server publishes no metadata where the specifications put it |
 * | `endpoint_missing` | the server's metadata has no endpoint for this |
 * | `unsupported_client_authentication` | client and server share no client authentication method |
 * | `resource_mismatch` | resource metadata that does not cover the URL (RFC 9728 section 3.3) |
 * | `invalid_callback` | an authorization response that is incomplete or has duplicated parameters |
 * | `state_mismatch` | an authorization response without this login's `state` |
 * | `login_required` | a person has to log in, and none can or may be asked |
 * | `login_timeout` | the person did not finish in time |
 * | `port_unavailable` | no loopback port to receive the callback on |
 * | `client_required` | no `client_id`, and no way to register one |
 * | `insecure_token_cache_permissions` | a cached token that others could have read or planted |
 * | `insecure_file_permissions` | the same of any other private file |
 * | `corrupt_file` | a private file that can't be read as what it should be |
 * | `newer_file_format` | a file written by a newer version: not read, not overwritten |
 * | `storage_unavailable` | no place to keep files: no home directory, read-only, full disk |
 * | `lock_timeout` | somebody else held the lock for the whole wait |
 * | `refresh_interrupted` | a process died in the middle of a refresh, and the refresh token is used up |
 */
export type OAuthErrorCode =
  | 'network_error'
  | 'timeout'
  | 'insecure_url'
  | 'redirect_refused'
  | 'response_too_large'
  | 'unexpected_content_type'
  | 'invalid_json'
  | 'invalid_response'
  | 'http_error'
  | 'oauth_error'
  | 'unsupported_token_type'
  | 'issuer_mismatch'
  | 'metadata_not_found'
  | 'endpoint_missing'
  | 'unsupported_client_authentication'
  | 'resource_mismatch'
  | 'invalid_callback'
  | 'state_mismatch'
  | 'login_required'
  | 'login_timeout'
  | 'port_unavailable'
  | 'client_required'
  | 'insecure_token_cache_permissions'
  | 'insecure_file_permissions'
  | 'corrupt_file'
  | 'newer_file_format'
  | 'storage_unavailable'
  | 'lock_timeout'
  | 'refresh_interrupted';

/** What an {@link OAuthError} may say besides its code and message. Nothing else is ever attached. */
export interface OAuthErrorDetails {
  /** The server's error code (RFC 6749 section 5.2). */
  error?: string;
  error_description?: string;
  error_uri?: string;
  /** The HTTP status. */
  status?: number;
  /** Whether the same call can succeed later without anybody changing anything. */
  retryable?: boolean;
  /** Seconds the server asked to wait. */
  retryAfter?: number;
}

const BRAND = Symbol.for('@oa/types/OAuthError');
/** Longer texts from a server help nobody and fill logs. */
const LONGEST_TEXT = 500;
/** Room for what a message explains, with the path of a file. Not for what a server would like to have in it. */
const LONGEST_MESSAGE = 5000;

/**
 * The one error of all `@oa` packages: built from a whitelist, so that it can be logged. It has no `cause`, since the errors of
 * HTTP clients and validators carry secrets, and it keeps of the server's texts the characters that
 * RFC 6749 section 5.2 allows, so that a terminal can print them. Its message has no character that a terminal obeys: it may
 * name what a server publishes.
 */
export class OAuthError extends Error {
  // Only declared: a field that is not set is not there, not `undefined`.
  declare readonly code: OAuthErrorCode;
  declare readonly error?: string;
  declare readonly error_description?: string;
  declare readonly error_uri?: string;
  declare readonly status?: number;
  declare readonly retryable: boolean;
  declare readonly retryAfter?: number;

  constructor(code: OAuthErrorCode, message: string, details: OAuthErrorDetails = {}) {
    super(harmless(message));
    this.code = code;
    const error = printable(details.error);
    const description = printable(details.error_description);
    const uri = printable(details.error_uri);
    if (error !== undefined) this.error = error;
    if (description !== undefined) this.error_description = description;
    if (uri !== undefined) this.error_uri = uri;
    if (details.status !== undefined) this.status = details.status;
    this.retryable = details.retryable ?? false;
    if (details.retryAfter !== undefined) this.retryAfter = details.retryAfter;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** All that is known, for `JSON.stringify`: `message` is not enumerable on an Error. */
  toJSON(): { code: OAuthErrorCode; message: string } & OAuthErrorDetails {
    return Object.assign({}, this, { message: this.message });
  }
}
Object.defineProperty(OAuthError.prototype, 'name', { value: 'OAuthError' });

/** Whether `value` is an OAuthError, of this copy of `@oa/types` or of another. */
export function isOAuthError(value: unknown): value is OAuthError {
  return value instanceof Error && BRAND in value;
}

const STORAGE: ReadonlySet<string> = new Set<OAuthErrorCode>([
  'storage_unavailable',
  'insecure_token_cache_permissions',
  'insecure_file_permissions',
  'newer_file_format',
  'corrupt_file',
]);

/** Whether `value` says that a store, and not what was to be done with it, is the problem. */
export function isStorageError(value: unknown): value is OAuthError {
  return isOAuthError(value) && STORAGE.has(value.code);
}

/** Keeps %x20-21 / %x23-5B / %x5D-7E (RFC 6749 section 5.2): no quotes, backslashes, control or escape characters. */
function printable(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined;
  return text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '').slice(0, LONGEST_TEXT);
}

/** Without control and format characters (escape sequences, text that runs backwards), line breaks aside. */
function harmless(message: string): string {
  return message.replace(/(?!\n)[\p{Cc}\p{Cf}]/gu, '').slice(0, LONGEST_MESSAGE);
}
