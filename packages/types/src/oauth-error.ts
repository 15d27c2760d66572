import type { OAuthErrorCode } from './error.ts';
import { toErrorText } from './rfc.ts';

/** What an {@link OAuthError} may have besides its code and message. Nothing else is ever attached. */
export interface OAuthErrorDetails {
  /**
   * The error code of the server.
   *
   * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
   */
  error?: string | undefined;
  error_description?: string | undefined;
  error_uri?: string | undefined;
  /** The HTTP status. */
  status?: number | undefined;
  /**
   * Whether the same call can succeed later, without any change.
   *
   * @default false
   */
  retryable?: boolean | undefined;
  /** The seconds that the server asked to wait. */
  retryAfter?: number | undefined;
  /**
   * Whether the request may have reached the server, on `network_error` and `timeout`. With `false` it certainly did not, so a refresh
   * token or a code in it is not used.
   */
  sent?: boolean | undefined;
}

const BRAND = Symbol.for('@oa/types/OAuthError');
/** Its number is replaced where an error is made anew with the rest of the time. */
const RETRY_AFTER_SENTENCE = / The server asks to wait \d+ seconds?(?: \(about [^()]+\))?\.(?=$| )/;
const MIN_MINUTES_SECONDS = 120;
const MIN_HOURS_SECONDS = 7200;

/** Longer texts of a server do not help a reader, and they fill logs. */
const MAX_TEXT_CHARACTERS = 500;
/** Room for an explanation with the path of a file. It also limits what a server can write into a message. */
const MAX_MESSAGE_CHARACTERS = 5000;

/**
 * The error class of all `@oa` packages.
 *
 * It is built from a whitelist, so that it can be logged. It has no `cause`, because the errors of HTTP clients and validators contain
 * secrets. The texts of a server keep only the characters that RFC 6749 section 5.2 allows. The message is one line without control
 * characters, because a terminal would obey them and a message can quote what a server publishes. It says how many seconds the server
 * asks to wait, where it does (`retryAfter`).
 *
 * @example
 * throw new OAuthError('timeout', 'The server did not answer in time. Try again later.', { retryable: true });
 */
export class OAuthError extends Error {
  // Only declared: a member that is not set is absent, not `undefined`.
  declare readonly code: OAuthErrorCode;
  declare readonly error?: string;
  declare readonly error_description?: string;
  declare readonly error_uri?: string;
  declare readonly status?: number;
  declare readonly retryable: boolean;
  declare readonly retryAfter?: number;
  declare readonly sent?: boolean;

  constructor(code: OAuthErrorCode, message: string, details: OAuthErrorDetails = {}) {
    super(withRetryAfter(toSafeMessage(message), details.retryAfter));
    this.code = code;
    const error = toSafeText(details.error);
    const description = toSafeText(details.error_description);
    const uri = toSafeText(details.error_uri);
    if (error !== undefined) this.error = error;
    if (description !== undefined) this.error_description = description;
    if (uri !== undefined) this.error_uri = uri;
    if (details.status !== undefined) this.status = details.status;
    this.retryable = details.retryable ?? false;
    if (details.retryAfter !== undefined) this.retryAfter = details.retryAfter;
    if (details.sent !== undefined) this.sent = details.sent;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** Returns all members for `JSON.stringify`, which skips the `message` of an `Error`. */
  toJSON(): { code: OAuthErrorCode; message: string } & OAuthErrorDetails {
    return Object.assign({}, this, { message: this.message });
  }
}
Object.defineProperty(OAuthError.prototype, 'name', { value: 'OAuthError' });

/**
 * Whether `value` is an {@link OAuthError}, of this copy of `@oa/types` or of another.
 *
 * @example
 * if (isOAuthError(error) && error.code === 'login_required') process.exitCode = 3;
 */
export function isOAuthError(value: unknown): value is OAuthError {
  return value instanceof Error && BRAND in value;
}

const STORAGE_CODES: ReadonlySet<string> = new Set<OAuthErrorCode>([
  'storage_unavailable',
  'insecure_token_cache_permissions',
  'insecure_file_permissions',
  'newer_file_format',
  'corrupt_file',
  'decryption_failed',
  'lock_lost',
]);

/** Whether `value` is an {@link OAuthError} that a store caused. A program may then go on without the store. */
export function isStorageError(value: unknown): value is OAuthError {
  return isOAuthError(value) && STORAGE_CODES.has(value.code);
}

/**
 * Whether `value` is an {@link OAuthError} that calls receive when they waited for a lock and the work of its holder failed.
 *
 * What a server says of the credentials of one caller is not true for the others. So only these are shared: what can succeed later
 * (`retryable`), and what a user decided in the browser. That is an `oauth_error` without a status, which comes from the authorization
 * endpoint and not from an endpoint that authenticates the client. A `login_timeout` is not shared: the user of the next process may not
 * have seen the login. A failure of the storage is not shared: one process may have too many open files, and the others not.
 */
export function isShareableError(value: unknown): value is OAuthError {
  if (!isOAuthError(value) || value.code === 'login_required' || STORAGE_CODES.has(value.code)) return false;
  return value.retryable || (value.code === 'oauth_error' && value.status === undefined);
}

/**
 * Parses what {@link OAuthError.toJSON} returned, after it was stored as JSON.
 *
 * @returns `undefined` if it is damaged
 */
export function parseOAuthError(value: unknown): OAuthError | undefined {
  if (!isErrorRecord(value)) return undefined;
  const { code, message, ...details } = value;
  return new OAuthError(code, message, details);
}

function isErrorRecord(value: unknown): value is ReturnType<OAuthError['toJSON']> {
  if (typeof value !== 'object' || value === null) return false;
  const { code, message, error, error_description, error_uri, status, retryable, retryAfter, sent } = value as Record<
    string,
    unknown
  >;
  return (
    typeof code === 'string' &&
    /^[a-z_]{1,100}$/.test(code) &&
    typeof message === 'string' &&
    typeof retryable === 'boolean' &&
    [error, error_description, error_uri].every((each) => each === undefined || typeof each === 'string') &&
    [status, retryAfter].every((each) => each === undefined || Number.isFinite(each)) &&
    (sent === undefined || typeof sent === 'boolean')
  );
}

function toSafeText(text: unknown): string | undefined {
  return typeof text === 'string' ? toErrorText(text).slice(0, MAX_TEXT_CHARACTERS) : undefined;
}

/** Removes what a terminal or a log would obey: escape sequences, line breaks, text that runs backwards. */
function toSafeMessage(message: string): string {
  // A literal would be read by each process, an error or not, and takes a third of a millisecond.
  const unsafe = new RegExp(String.raw`[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]`, 'gu');
  return message.replace(unsafe, '').slice(0, MAX_MESSAGE_CHARACTERS);
}

function withRetryAfter(message: string, seconds: number | undefined): string {
  if (seconds === undefined || !(seconds > 0)) return message;
  const sentence = ` The server asks to wait ${seconds} ${seconds === 1 ? 'second' : 'seconds'}${roundedTime(seconds)}.`;
  return RETRY_AFTER_SENTENCE.test(message)
    ? message.replace(RETRY_AFTER_SENTENCE, sentence)
    : `${message}${sentence}`.trimStart();
}

function roundedTime(seconds: number): string {
  if (seconds < MIN_MINUTES_SECONDS) return '';
  return seconds < MIN_HOURS_SECONDS
    ? ` (about ${Math.round(seconds / 60)} minutes)`
    : ` (about ${Math.round(seconds / 3600)} hours)`;
}
