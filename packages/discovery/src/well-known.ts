import { request, type HttpResponse } from '@oa/http';
import { startDeadline } from '@oa/mechanisms';
import { isOAuthError, type OAuthError, type RequestOptions } from '@oa/types';
import { toErrorText } from '@oa/types/rfc';

/** For all requests of one discovery. */
export const DISCOVERY_TIMEOUT_MS = 30_000;
const MAX_QUOTED_URL_CHARACTERS = 200;
/** The server can't answer now. Such a response does not say what is published where. */
const TEMPORARY_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504]);
/** Errors that end the search: the next URL is on the same server, or the document claims the wrong resource. */
const FINAL_ERROR_CODES: ReadonlySet<string> = new Set(['network_error', 'timeout', 'resource_mismatch']);

/** Where an authorization server publishes its metadata: RFC 8414 section 3.1, then section 5 (OpenID Connect). */
export function serverMetadataUrls(issuer: URL): string[] {
  const { origin } = issuer;
  const path = withoutTrailingSlash(issuer.pathname);
  const urls = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ];
  return [...new Set(urls)];
}

/**
 * Where a document that the caller names may be. Some servers append the path of RFC 8414 to their issuer, as OpenID Connect does, and name that
 * address in their documentation.
 */
export function documentUrls(issuer: URL): string[] {
  const appended = `${issuer.origin}${withoutTrailingSlash(issuer.pathname)}/.well-known/oauth-authorization-server`;
  return [...serverMetadataUrls(issuer), appended];
}

/** Where a protected resource publishes its metadata (RFC 9728 section 3.1). The query is left out: it belongs to one request. */
export function resourceMetadataUrls(resource: URL): [own: string, ofOrigin: string] {
  const wellKnown = `${resource.origin}/.well-known/oauth-protected-resource`;
  return [`${wellKnown}${withoutTrailingSlash(resource.pathname)}`, wellKnown];
}

/** An address that has no document, and how it answered. */
export interface AbsentDocument {
  url: string;
  /** The HTTP status: any 4xx except 408, 425 and 429. */
  status: number;
}

/** What `read` made of the first document, and where it is. Without a document: the answers of all addresses. */
export type DocumentSearch<T> = { found: T; url: string } | { found: undefined; absent: AbsentDocument[] };

/**
 * Requests one URL after the other. Resolves with the first response that `read` accepts, and with the answers if none has a document
 * (any 4xx except 408, 425 and 429).
 *
 * After an unusable response (a web page, a document of another issuer) the next URL is requested; if no URL has a usable one, the
 * promise rejects with that error. A server that is unreachable or out of service ends the search.
 *
 * @param read gets the response and the URL that was requested: the response names the one after redirects
 * @param options `timeout` is for all requests together
 */
export async function fetchFirstPublished<T extends {}>(
  urls: readonly string[],
  read: (response: HttpResponse, url: string) => Promise<T>,
  options: RequestOptions,
): Promise<DocumentSearch<T>> {
  const { fetch, signal, timeout = DISCOVERY_TIMEOUT_MS, now, onEvent } = options;
  const remaining = startDeadline(timeout);
  const absent: AbsentDocument[] = [];
  let problem: OAuthError | undefined;
  for (const url of urls) {
    try {
      const response = await request('GET', url, { fetch, signal, now, onEvent, timeout: remaining() });
      const { status } = response;
      if (!isAbsent(status)) return { found: await read(response, url), url };
      absent.push({ url, status });
    } catch (error) {
      if (!isOAuthError(error) || FINAL_ERROR_CODES.has(error.code) || TEMPORARY_STATUSES.has(error.status ?? 0))
        throw error;
      // A document of another issuer is the most useful hint.
      if (problem === undefined || error.code === 'issuer_mismatch') problem = error;
    }
  }
  if (problem !== undefined) throw problem;
  return { found: undefined, absent };
}

/** How the addresses answered, for an error message. */
export function toAnswersText(absent: readonly AbsentDocument[]): string {
  return absent
    .map(({ url, status }) => `${toErrorText(url, MAX_QUOTED_URL_CHARACTERS)} answered ${status}`)
    .join(', ');
}

function isAbsent(status: number): boolean {
  return status >= 400 && status <= 499 && !TEMPORARY_STATUSES.has(status);
}

function withoutTrailingSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}
