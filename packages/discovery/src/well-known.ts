import { request, type HttpResponse } from '@oa/http';
import { isOAuthError, type OAuthError, type RequestOptions } from '@oa/types';

const DEFAULT_TIMEOUT = 30_000;
/** Answers that say "not now": they tell nothing about what is published where. */
const NOT_NOW: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504]);
/** Failures of the server or the way to it: the next place is on the same server. And a document that claims the wrong resource. */
const FINAL: ReadonlySet<string> = new Set(['network_error', 'timeout', 'resource_mismatch']);

/** Where an authorization server publishes its metadata: RFC 8414 section 3.1, then section 5 (OpenID Connect). */
export function serverMetadataUrls(issuer: URL): string[] {
  const { origin } = issuer;
  const path = withoutSlash(issuer.pathname);
  const urls = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ];
  return [...new Set(urls)];
}

/** Where a protected resource publishes its metadata (RFC 9728 section 3.1), without the query, which belongs to one request. */
export function resourceMetadataUrls(resource: URL): string[] {
  const inserted = `${resource.origin}/.well-known/oauth-protected-resource`;
  return [...new Set([`${inserted}${withoutSlash(resource.pathname)}`, inserted])];
}

/**
 * Asks one URL after the other and resolves with the first answer that `read` takes; with `undefined` if all of them said
 * that there is nothing (any 4xx, apart from 408, 425 and 429).
 *
 * An answer that is of no use (a web page, a document of somebody else) lets the next URL be asked, and is the error in
 * the end. A server that can't be reached or is out of service ends it at once. `timeout` is for all of it.
 */
export async function firstUseful<T>(
  urls: readonly string[],
  read: (response: HttpResponse) => T,
  options: RequestOptions,
): Promise<T | undefined> {
  const { fetch, signal, timeout = DEFAULT_TIMEOUT, now, onEvent } = options;
  const given = {
    ...(fetch && { fetch }),
    ...(signal && { signal }),
    ...(now && { now }),
    ...(onEvent && { onEvent }),
  };
  const start = performance.now();
  let problem: OAuthError | undefined;
  for (const url of urls) {
    const spent = Math.floor(performance.now() - start);
    try {
      const response = await request('GET', url, {
        ...given,
        timeout: spent === 0 ? timeout : Math.max(1, timeout - spent),
      });
      if (!isAbsent(response.status)) return read(response);
    } catch (error) {
      if (!isOAuthError(error) || FINAL.has(error.code) || NOT_NOW.has(error.status ?? 0)) throw error;
      // A document of another issuer says most about what is wrong.
      if (problem === undefined || error.code === 'issuer_mismatch') problem = error;
    }
  }
  if (problem !== undefined) throw problem;
  return undefined;
}

function isAbsent(status: number): boolean {
  return status >= 400 && status <= 499 && !NOT_NOW.has(status);
}

function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}
