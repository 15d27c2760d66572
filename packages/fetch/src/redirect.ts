import { OAuthError } from '@oa/types';

const FOLLOWED_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** As many as `fetch` follows. */
const MAX_FOLLOWED_REDIRECTS = 20;
/** These describe a body that a redirected request does not have. */
const BODY_HEADERS = ['content-encoding', 'content-language', 'content-length', 'content-location', 'content-type'];

/** One request of a call: the first one, or one after a redirect. */
export interface Hop {
  url: URL;
  method: string;
  /** Those of the caller. */
  headers: Headers;
  /** Whether it has the body of the call. */
  keepsBody: boolean;
  /** How many redirects led here. */
  count: number;
}

/**
 * Returns the request that `response` redirects to, by the rules of `fetch`, or `undefined` if it does not redirect.
 *
 * @param canReplay whether the body of the call can be sent a second time
 * @throws {OAuthError} `redirect_refused`
 * @see https://fetch.spec.whatwg.org/#http-redirect-fetch
 */
export function nextHop(response: Response, hop: Hop, canReplay: boolean): Hop | undefined {
  const { status, headers, type } = response;
  if (type === 'opaqueredirect')
    throw refusedRedirect(
      hop,
      'A browser does not show where it leads to, so there is no proof for it. Use that address.',
    );
  const location = headers.get('location');
  if (!FOLLOWED_STATUSES.has(status) || location === null) return undefined;
  const url = URL.canParse(location, hop.url.href) ? new URL(location, hop.url) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw refusedRedirect(hop, 'It does not lead to an http(s) URL.');
  if (hop.count === MAX_FOLLOWED_REDIRECTS)
    throw refusedRedirect(hop, `It is the ${MAX_FOLLOWED_REDIRECTS + 1}st one in a row.`);
  const count = hop.count + 1;
  if (!becomesGet(status, hop.method)) {
    if (hop.keepsBody && !canReplay)
      throw refusedRedirect(hop, 'The body is a stream, and can not be sent a second time.');
    return { ...hop, url, count };
  }
  const kept = new Headers(hop.headers);
  for (const name of BODY_HEADERS) kept.delete(name);
  return { url, method: 'GET', headers: kept, keepsBody: false, count };
}

function becomesGet(status: number, method: string): boolean {
  if (status === 303) return method !== 'GET' && method !== 'HEAD';
  return (status === 301 || status === 302) && method === 'POST';
}

function refusedRedirect({ url }: Hop, why: string): OAuthError {
  return new OAuthError('redirect_refused', `The redirect of ${url.origin} is not followed with a DPoP token. ${why}`);
}
