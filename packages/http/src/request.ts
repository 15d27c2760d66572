import { abortable, sleep } from '@oa/mechanisms';
import {
  isOAuthError,
  OAuthError,
  openTracing,
  trace,
  type RequestOptions,
  type RequestParameters,
  type TraceContexts,
  type Tracing,
} from '@oa/types';
import { withDeadline, type Deadline } from './deadline.ts';
import { exchange, type Answer } from './exchange.ts';
import type { PreparedRequest } from './ky.ts';
import { timeoutHint } from './network-error.ts';
import { parseRetryAfter, retryDelay, type AttemptOutcome } from './retry.ts';
import { parseSecureUrl, toDisplayUrl } from './url.ts';

/** The options of a request. */
export interface HttpOptions extends RequestOptions {
  /** More request headers. Their names are sent in lower case. */
  headers?: Record<string, string> | undefined;
  /**
   * Whether the server may receive this request twice. A request that is not idempotent is sent again only if the connection failed before
   * it went out.
   *
   * @default true for a GET, false for every other method
   */
  idempotent?: boolean | undefined;
  /**
   * Makes headers and parameters of the form anew before the request is sent again, for what a server accepts once: an assertion or a
   * proof. They replace those with the same names.
   *
   * @default the same request is sent again
   */
  renew?:
    | (() => Promise<{ headers?: Record<string, string> | undefined; parameters?: RequestParameters | undefined }>)
    | undefined;
}

/** An answer of any status. It holds what the server sent, unfiltered: do not log it. */
export interface HttpResponse {
  /** The URL that answered, after redirects. */
  url: string;
  /** The HTTP status. */
  status: number;
  headers: Headers;
  /** The body, of at most 1 MiB. */
  text: string;
  /** When the request that was answered went out, in milliseconds since the epoch. */
  sentAt: number;
}

/** Opened by the first request: the import asks the runtime for nothing. */
let requestTracing: Tracing<TraceContexts['oa:request']> | undefined;
const HTTP_METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'DELETE']);
const sentByResponse = new WeakMap<HttpResponse, readonly SentRequest[]>();

/** What a request carried, for the search for its secrets in an error text. */
export interface SentRequest {
  headers: Record<string, string>;
  body: string | undefined;
}

/** Returns all attempts of the request that `response` answers to, where it comes from {@link request}. */
export function attemptsFor(response: HttpResponse): readonly SentRequest[] {
  return sentByResponse.get(response) ?? [];
}

/**
 * Sends a request to an OAuth endpoint and reads the answer, whatever its status.
 *
 * - The URL must use https, or http to a loopback host.
 * - A GET follows redirects within its origin. Every other method follows none.
 * - An idempotent request is sent again at most twice: after a network failure, 429, 502, 503 or 504, as long as `Retry-After` and the
 *   backoff fit into `timeout`.
 *
 * @param options `body` is sent unchanged. `form` is sent as `application/x-www-form-urlencoded`: an array as repeated parameters,
 *   `undefined` not at all. `headersOnly` leaves the body unread, because it may be an endless stream: `text` is then empty.
 * @throws {OAuthError} `insecure_url`, `network_error`, `timeout`, `redirect_refused`, `response_too_large`
 * @throws {TypeError} if an argument is wrong
 * @throws the reason of `options.signal` when it aborts
 * @example
 * const response = await request('DELETE', client.registration_client_uri, { headers: { authorization } });
 * const error = await readError(response);
 */
export async function request(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  url: string,
  options: HttpOptions & {
    body?: string | undefined;
    form?: RequestParameters | undefined;
    headersOnly?: boolean | undefined;
  } = {},
): Promise<HttpResponse> {
  if (!HTTP_METHODS.has(method)) throw new TypeError('method must be GET, POST, PUT or DELETE.');
  const headers = toRequestHeaders(options.headers);
  const target = parseSecureUrl(url);
  const body = options.form === undefined ? options.body : encodeForm(options.form);
  if (options.form !== undefined) headers['content-type'] = 'application/x-www-form-urlencoded';
  const name = toDisplayUrl(target);
  const hint = async (): Promise<string> => timeoutHint(target, options.fetch);
  return withDeadline(options, { name, hint }, async (deadline) => {
    const { fetch, headersOnly, form, renew } = options;
    const first = { name, method, headers, body, headersOnly, signal: deadline.signal, fetch };
    const attempts: PreparedRequest[] = [first];
    const prepareAgain = async (): Promise<PreparedRequest> => {
      if (renew === undefined) return first;
      const { headers: newHeaders, parameters } = await renew();
      const again = {
        ...first,
        headers: { ...headers, ...toRequestHeaders(newHeaders) },
        body: form === undefined ? body : encodeForm({ ...form, ...parameters }),
      };
      attempts.push(again);
      return again;
    };
    const response = await sendWithRetry(target, first, prepareAgain, options, deadline);
    sentByResponse.set(response, attempts);
    return response;
  });
}

async function sendWithRetry(
  url: URL,
  first: PreparedRequest,
  prepareAgain: () => Promise<PreparedRequest>,
  options: HttpOptions,
  deadline: Deadline,
): Promise<HttpResponse> {
  const { idempotent = first.method === 'GET', now = Date.now, onEvent } = options;
  let prepared = first;
  for (let attempt = 1; ; attempt += 1) {
    deadline.assertTimeLeft();
    const sentAt = now();
    const earlierSent = deadline.sent;
    deadline.sent = true;
    const result = await toAnswerOrError(exchangeTraced(url, prepared, attempt));
    if (isOAuthError(result) && result.sent === false) deadline.sent = earlierSent;
    const outcome = toAttemptOutcome(result, now);
    const delay = retryDelay(outcome, attempt, { idempotent, left: deadline.left() });
    if (delay === undefined) {
      if (isOAuthError(result)) throw withSent(result, deadline.sent);
      return { ...result, sentAt };
    }
    const { error, status } = outcome;
    onEvent?.({
      type: 'retry',
      url: prepared.name,
      attempt,
      delay: delay / 1000,
      code: error?.code ?? 'http_error',
      status,
    });
    await sleep(delay, deadline.signal);
    prepared = await prepareAgain();
  }
}

async function exchangeTraced(url: URL, prepared: PreparedRequest, attempt: number): Promise<Answer> {
  requestTracing ??= openTracing('oa:request');
  if (!requestTracing.hasSubscribers) return exchange(url, prepared);
  const { method, name, headers, signal } = prepared;
  const isPathPublic = /^(?:Basic |$)/i.test(headers['authorization'] ?? '');
  const context: TraceContexts['oa:request'] = { method, url: isPathPublic ? name : url.origin, attempt };
  return trace(requestTracing, context, async () => {
    // A `fetch` of the caller may ignore the signal, and the attempt still ends.
    const answer = await abortable(exchange(url, prepared), signal);
    context.status = answer.status;
    return answer;
  });
}

/** An earlier attempt may have reached the server although the last one did not. */
function withSent(error: OAuthError, sent: boolean): OAuthError {
  return error.sent === false && sent ? new OAuthError(error.code, error.message, { ...error.toJSON(), sent }) : error;
}

async function toAnswerOrError(answer: Promise<Answer>): Promise<Answer | OAuthError> {
  try {
    return await answer;
  } catch (error) {
    if (isOAuthError(error)) return error;
    throw error;
  }
}

function toAttemptOutcome(result: Answer | OAuthError, now: () => number): AttemptOutcome {
  if (isOAuthError(result)) return { error: result };
  return { status: result.status, retryAfter: parseRetryAfter(result.headers, now) };
}

/** The error for a wrong value names the header and does not show the value. The error of `fetch` would print it. */
function toRequestHeaders(given: Record<string, string> = {}): Record<string, string> {
  const headers: Record<string, string> = { accept: 'application/json' };
  for (const [name, value] of Object.entries(given)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name))
      throw new TypeError('options.headers has a name that is not a header name.');
    if (typeof value !== 'string' || !/^[\t\x20-\x7e]*$/.test(value))
      throw new TypeError(`options.headers: the value of ${name} must be a string of printable ASCII characters.`);
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

function encodeForm(form: RequestParameters): string {
  const encoded = new URLSearchParams();
  for (const [name, value] of Object.entries(form)) {
    if (value === undefined) continue;
    for (const one of typeof value === 'string' ? [value] : value) encoded.append(name, one);
  }
  return encoded.toString();
}
