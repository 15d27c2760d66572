import { readJson, type HttpResponse } from '@oa/http';
import { startDeadline } from '@oa/mechanisms';
import { isSecureUrl, OAuthError, type ProtectedResource, type RequestOptions } from '@oa/types';
import { findPlaceholder, isResourceIndicator, toErrorText } from '@oa/types/rfc';
import { parseChallenges, type Challenge } from './challenge.ts';
import { confirmClaim, speaksFor } from './claim.ts';
import { isIssuer, quoteIssuer } from './issuer.ts';
import { loadMetadataSchemas } from './schemas.ts';
import { DISCOVERY_TIMEOUT_MS, fetchFirstPublished, resourceMetadataUrls, toAnswersText } from './well-known.ts';

/** The options of {@link discoverResource}. */
export interface DiscoverResourceOptions extends RequestOptions {
  /** The `WWW-Authenticate` header of the resource's 401, or one of its challenges. It may name the URL of the metadata. */
  challenge?: string | Challenge | undefined;
}

/**
 * Discovers the metadata of a protected resource. It names the authorization servers that issue tokens for the resource.
 *
 * Requests the `resource_metadata` URL of the challenge, then the well-known URL of the resource's path, then the one of its origin. If
 * one path claims to belong to a larger resource, the metadata of that resource must confirm it, and is returned.
 *
 * @example
 * ```ts
 * const url = 'https://api.example/v1';
 * const response = await fetch(url);
 * const challenge = response.headers.get('www-authenticate') ?? undefined;
 * const { authorization_servers } = await discoverResource(url, { challenge });
 * ```
 *
 * @param options `timeout` is for all requests together
 * @returns the metadata; `resource` is exactly what the server published, to be sent unchanged (RFC 8707)
 * @throws {OAuthError} `resource_mismatch` if `resource` does not cover `url` (same origin, the path is a prefix of whole segments), or
 *   does not confirm that it does; `metadata_not_found`, `insecure_url`, `network_error`, `timeout`, `http_error`, `oauth_error`, `redirect_refused`,
 *   `response_too_large`, `unexpected_content_type`, `invalid_json`, `invalid_response`
 * @throws {TypeError} if `url` is not an absolute URL, or if an option is wrong
 * @see https://www.rfc-editor.org/rfc/rfc9728#section-3
 */
export async function discoverResource(
  url: string | URL,
  options: DiscoverResourceOptions = {},
): Promise<ProtectedResource> {
  const asked = toResourceUrl(url);
  const { challenge, timeout = DISCOVERY_TIMEOUT_MS, ...rest } = options;
  const remaining = startDeadline(timeout);
  const announced = challengedMetadataUrl(challenge, asked);
  const { protectedResourceSchema } = await loadMetadataSchemas();
  const read = async (response: HttpResponse): Promise<ProtectedResource> => {
    const metadata = await readJson(response, protectedResourceSchema);
    assertResourceMetadata(metadata, asked);
    return metadata;
  };
  const urls = [...new Set([announced, ...resourceMetadataUrls(asked)])].filter((each) => each !== undefined);
  const search = await fetchFirstPublished(urls, read, { ...rest, timeout });
  if (search.found !== undefined) {
    const { found, url: from } = search;
    if (speaksFor(from, found.resource, asked)) return found;
    return confirmClaim(found, asked, read, { ...rest, timeout: remaining() });
  }
  throw new OAuthError(
    'metadata_not_found',
    `${asked.origin}${asked.pathname} publishes no protected resource metadata: ${toAnswersText(search.absent)}. ` +
      'Pass the WWW-Authenticate header of its 401 as `challenge`, or name the authorization server yourself.',
  );
}

/**
 * Parses the URL of a protected resource.
 *
 * @throws {OAuthError} `insecure_url`
 * @throws {TypeError} if `url` is not an absolute URL
 */
export function toResourceUrl(url: string | URL): URL {
  if (!URL.canParse(String(url))) throw new TypeError('url must be an absolute URL such as "https://api.example/v1".');
  const parsed = new URL(url);
  if (isSecureUrl(parsed)) return parsed;
  throw new OAuthError(
    'insecure_url',
    `A token is not safe at ${parsed.protocol}//${parsed.host}. Use https:, or http: to localhost, 127.0.0.1 or [::1].`,
  );
}

/** RFC 9728 section 5.1: a challenge of any scheme may have the parameter. */
function challengedMetadataUrl(challenge: string | Challenge | undefined, asked: URL): string | undefined {
  if (challenge === undefined) return undefined;
  const challenges = typeof challenge === 'string' ? parseChallenges(challenge) : [challenge];
  const [url] = challenges.flatMap(({ parameters }) => parameters['resource_metadata'] ?? []);
  if (url === undefined || isAllowedUrl(url, asked)) return url;
  throw new OAuthError(
    'insecure_url',
    `The challenge of ${asked.origin} names metadata at an address that is not https. Ask the resource's operator to correct it.`,
  );
}

/** A resource on the network has no reason to name a plain http URL: only ports of the client's own machine could be meant. */
function isAllowedUrl(url: string, resource: URL): boolean {
  return resource.protocol !== 'https:' || !/^http:/i.test(url);
}

/** Checks that metadata covers the URL `asked`, and that its authorization servers can be issuers. */
export function assertResourceMetadata(metadata: ProtectedResource, asked: URL): void {
  assertCovered(asked, metadata.resource);
  assertAuthorizationServers(metadata, asked);
}

/** RFC 9728 section 3.3: otherwise one resource could obtain tokens for another by publishing its name. */
function assertCovered(asked: URL, resource: string): void {
  if (isCoveredBy(asked, resource)) return;
  throw new OAuthError(
    'resource_mismatch',
    `The protected resource metadata of ${asked.origin}${asked.pathname} is for ${quoteIssuer(resource)}, which does not cover it. Do not send a token there.`,
  );
}

function isCoveredBy(asked: URL, resource: string): boolean {
  // A parser of URLs skips line breaks and encodes other characters, and the text is sent and shown as it is.
  if (!isResourceIndicator(resource) || !/^[\x21-\x7e]+$/.test(resource)) return false;
  const { origin, pathname, search, username, password } = new URL(resource);
  if (origin !== asked.origin || username !== '' || password !== '') return false;
  if (search !== '' && search !== asked.search) return false;
  const prefix = pathname.endsWith('/') ? pathname : `${pathname}/`;
  return `${asked.pathname}/`.startsWith(prefix);
}

function assertAuthorizationServers({ authorization_servers = [], resource }: ProtectedResource, asked: URL): void {
  if (authorization_servers.every((issuer) => isIssuer(issuer) && isAllowedUrl(issuer, asked))) return;
  const template = authorization_servers.find((issuer) => findPlaceholder(issuer) !== undefined);
  if (template !== undefined)
    throw new OAuthError(
      'invalid_response',
      `The protected resource metadata of ${quoteIssuer(resource)} names the authorization server ${quoteIssuer(template)}, with the placeholder ${toErrorText(findPlaceholder(template) ?? '')}. ` +
        'Pass the issuer of your own account as the target instead of the resource, with the value of your tenant, realm or domain in place of the placeholder.',
    );
  throw new OAuthError(
    'invalid_response',
    `The protected resource metadata of ${quoteIssuer(resource)} names an authorization server that is not an https URL without query and fragment. ` +
      "Ask the resource's operator to correct it.",
  );
}
