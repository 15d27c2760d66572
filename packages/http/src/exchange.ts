import { isOAuthError, OAuthError } from '@oa/types';
import { readBody } from './body.ts';
import { loadTransport, type PreparedRequest } from './ky.ts';
import { toNetworkError } from './network-error.ts';

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Enough for a trailing slash and a renamed path. */
const MAX_REDIRECTS = 3;

/** An answer whose body was read. */
export interface Answer {
  url: string;
  status: number;
  headers: Headers;
  text: string;
}

/**
 * Sends one request, follows the redirects of a GET within its origin, and reads the body.
 *
 * @throws {OAuthError} `network_error`, `redirect_refused`, `response_too_large`, `timeout`
 * @throws the reason of the request's signal when it aborts
 */
export async function exchange(url: URL, request: PreparedRequest): Promise<Answer> {
  const { name } = request;
  // Outside of `orOAuthError`: a failed import is not a failure of the network.
  const send = await loadTransport();
  let current = url;
  for (let redirects = 0; ; redirects += 1) {
    const { href } = current;
    const response = await orOAuthError(request, current, () => send(href, request));
    const next = redirectTarget(response, current, request);
    if (next === undefined) {
      const text = await orOAuthError(request, current, async () => {
        if (request.headersOnly !== true) return readBody(response, name);
        await response.body?.cancel();
        return '';
      });
      return { url: href, status: response.status, headers: response.headers, text };
    }
    if (redirects === MAX_REDIRECTS) throw redirectRefused(name, `redirects more than ${MAX_REDIRECTS} times`);
    await orOAuthError(request, current, async () => response.body?.cancel());
    current = next;
  }
}

async function orOAuthError<T>(request: PreparedRequest, url: URL, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    request.signal.throwIfAborted();
    if (isOAuthError(error)) throw error;
    throw await toNetworkError(error, request, url);
  }
}

/**
 * Returns the URL to go on with, or `undefined` for a response that is no redirect.
 *
 * A body with secrets is never sent to another place (RFC 9700 section 4.12). A GET stays within its origin, because a document of
 * another server says nothing about this one.
 */
function redirectTarget(response: Response, url: URL, { method, name }: PreparedRequest): URL | undefined {
  // A browser hides the target of a redirect that it does not follow. `redirected` means that a fetch followed one although it was told not to.
  if (response.type === 'opaqueredirect' || response.redirected) throw redirectRefused(name, 'redirects');
  const location = response.headers.get('location');
  if (!REDIRECT_STATUSES.has(response.status) || location === null) return undefined;
  if (method !== 'GET') throw redirectRefused(name, 'redirects a request that carries credentials', response.status);
  const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
  // A blob: URL has the origin of the URL in it.
  const sameOrigin = next?.origin === url.origin && next.protocol === url.protocol;
  if (!sameOrigin || next.username !== '' || next.password !== '')
    throw redirectRefused(name, 'redirects to another origin', response.status);
  return next;
}

function redirectRefused(name: string, what: string, status?: number): OAuthError {
  const message = `${name} ${what}. The redirect is not followed. Use the address that the server publishes.`;
  return new OAuthError('redirect_refused', message, { status });
}
