import { isOAuthError, type OAuthError, type RequestOptions, type RequestParameters } from '@oa/types';
import { withPatience, pause, type Patience } from './deadline.ts';
import { exchange, type Answer } from './exchange.ts';
import type { Outgoing } from './ky.ts';
import { redacted, secretsSent } from './redact.ts';
import { retryAfterOf, retryDelay, type Outcome } from './retry.ts';
import { secureUrl, shown } from './url.ts';

/** The options of a request. */
export interface HttpOptions extends RequestOptions {
  /** More request headers. The names are lower case. */
  headers?: Record<string, string> | undefined;
  /**
   * Whether the server may get this request twice. A GET may, unless said otherwise. Any other request is by default sent again
   * only if the connection failed before it went out.
   */
  idempotent?: boolean | undefined;
}

/** An answer of any status. Its body is at most 1 MiB. */
export interface HttpResponse {
  /** Where the answer came from, after redirects. */
  url: string;
  status: number;
  headers: Headers;
  text: string;
  /** When the request that was answered went out, in milliseconds since the epoch. */
  sentAt: number;
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'DELETE']);
const secretsByResponse = new WeakMap<HttpResponse, () => readonly string[]>();

/** What errors call the endpoint that answered: its address, without what was sent there. */
export function nameOf(response: HttpResponse): string {
  return redacted(shown(new URL(response.url)), secretsOf(response));
}

/** The secrets that were sent for `response`, which no error text may repeat. */
export function secretsOf(response: HttpResponse): readonly string[] {
  return secretsByResponse.get(response)?.() ?? [];
}

/**
 * Sends a request to an OAuth endpoint and reads the answer, whatever its status.
 *
 * Only to https, or to http on loopback. A GET follows redirects within its origin, every other method none. What may be repeated is
 * repeated at most twice: after a network failure, 429, 502, 503 or 504, as long as `Retry-After` and backoff fit into `timeout`.
 * A `form` is sent as `application/x-www-form-urlencoded`: an array is repeated, `undefined` is left out.
 *
 * Rejects with `insecure_url`, `network_error`, `timeout`, `redirect_refused` or `response_too_large`, or with the signal's reason.
 */
export async function request(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  url: string,
  options: HttpOptions & { body?: string; form?: RequestParameters } = {},
): Promise<HttpResponse> {
  if (!METHODS.has(method)) throw new TypeError('method must be GET, POST, PUT or DELETE');
  const headers = checkedHeaders(options.headers);
  const target = secureUrl(url);
  const body = options.form === undefined ? options.body : encodeForm(options.form);
  if (options.form !== undefined) headers['content-type'] = 'application/x-www-form-urlencoded';
  const name = shown(target);
  return withPatience(options, name, async (patience) => {
    const outgoing = { name, method, headers, body, signal: patience.signal, fetch: options.fetch };
    const response = await persistently(target, outgoing, options, patience);
    secretsByResponse.set(response, () => secretsSent(headers, body));
    return response;
  });
}

async function persistently(
  url: URL,
  outgoing: Outgoing,
  options: HttpOptions,
  patience: Patience,
): Promise<HttpResponse> {
  const idempotent = options.idempotent ?? outgoing.method === 'GET';
  for (let attempt = 1; ; attempt += 1) {
    const sentAt = (options.now ?? Date.now)();
    const result = await settled(exchange(url, outgoing));
    const outcome = outcomeOf(result, options);
    const delay = retryDelay(outcome, attempt, { idempotent, left: patience.left() });
    if (delay === undefined) {
      if (isOAuthError(result)) throw result;
      return { ...result, sentAt };
    }
    const { error, status } = outcome;
    const why = { code: error?.code ?? ('http_error' as const), ...(status === undefined ? {} : { status }) };
    options.onEvent?.({ type: 'retry', url: outgoing.name, attempt, delay: delay / 1000, ...why });
    await pause(delay, patience.signal);
  }
}

async function settled(answer: Promise<Answer>): Promise<Answer | OAuthError> {
  try {
    return await answer;
  } catch (error) {
    if (isOAuthError(error)) return error;
    throw error;
  }
}

function outcomeOf(result: Answer | OAuthError, options: HttpOptions): Outcome {
  if (isOAuthError(result)) return { error: result };
  return { status: result.status, retryAfter: retryAfterOf(result.headers, options.now) };
}

/** A wrong value is named, never shown: `fetch` would print it. */
function checkedHeaders(given: Record<string, string> = {}): Record<string, string> {
  const headers: Record<string, string> = { accept: 'application/json' };
  for (const [name, value] of Object.entries(given)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name))
      throw new TypeError('options.headers has a name that is not a header name');
    if (typeof value !== 'string' || !/^[\t\x20-\x7e]*$/.test(value))
      throw new TypeError(`options.headers: the value of ${name} must be a string of printable ASCII characters`);
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
