import { readJson, type HttpResponse } from '@oa/http';
import { isSecureUrl, OAuthError, type RequestOptions, type ProtectedResource } from '@oa/types';
import { parseChallenges, type Challenge } from './challenge.ts';
import { isIssuer, shown } from './issuer.ts';
import { firstUseful, resourceMetadataUrls } from './well-known.ts';

/** The options of {@link discoverResource}. */
export interface DiscoverResourceOptions extends RequestOptions {
  /** The `WWW-Authenticate` header of the resource's 401, or one challenge of it: it may name the metadata's URL. */
  challenge?: string | Challenge | undefined;
}

/**
 * From the URL of a protected resource to its metadata (RFC 9728), which names its authorization servers.
 *
 * Asks the `resource_metadata` of the challenge, else the well-known URL of the resource's path, else the one of its
 * origin. `resource` comes back as the server wrote it, to be sent on unchanged (RFC 8707).
 *
 * Rejects with `resource_mismatch` if the metadata's `resource` does not cover `url` (same origin, path a prefix of whole
 * segments); `metadata_not_found` if there is none; `insecure_url` for plain http beyond loopback; `invalid_response` for an
 * authorization server that can't be an issuer; and with what `request` and `readJson` of `@oa/http` reject with.
 */
export async function discoverResource(
  url: string | URL,
  options: DiscoverResourceOptions = {},
): Promise<ProtectedResource> {
  const asked = resourceUrl(url);
  const { challenge, ...rest } = options;
  const announced = metadataUrlOf(challenge, asked);
  // Loads valibot.
  const { protectedResourceSchema } = await import('@oa/types/schemas');
  const read = (response: HttpResponse): ProtectedResource => {
    const metadata = readJson(response, protectedResourceSchema);
    assertFits(metadata, asked);
    return metadata;
  };
  const urls = [...(announced === undefined ? [] : [announced]), ...resourceMetadataUrls(asked)];
  const metadata = await firstUseful([...new Set(urls)], read, rest);
  if (metadata !== undefined) return metadata;
  throw new OAuthError(
    'metadata_not_found',
    `${asked.origin}${asked.pathname} publishes no protected resource metadata at the well-known addresses. ` +
      'Pass the WWW-Authenticate header of its 401 as `challenge`, or name the authorization server yourself.',
  );
}

function resourceUrl(url: string | URL): URL {
  if (!URL.canParse(String(url))) throw new TypeError('url must be an absolute URL such as "https://api.example/v1"');
  const parsed = new URL(url);
  if (isSecureUrl(parsed)) return parsed;
  throw new OAuthError(
    'insecure_url',
    `${parsed.protocol}//${parsed.host} is no place to send a token to; expected https:, or http: to localhost, 127.0.0.1 or [::1].`,
  );
}

/** RFC 9728 section 5.1: the parameter belongs to any scheme. */
function metadataUrlOf(challenge: string | Challenge | undefined, asked: URL): string | undefined {
  if (challenge === undefined) return undefined;
  const challenges = typeof challenge === 'string' ? parseChallenges(challenge) : [challenge];
  const [url] = challenges.flatMap(({ parameters }) => parameters['resource_metadata'] ?? []);
  if (url === undefined || isReachable(url, asked)) return url;
  throw new OAuthError(
    'insecure_url',
    `The challenge of ${asked.origin} names metadata at an address that is not https. The resource's operator has to correct it.`,
  );
}

/** Who is on the network has no reason to send anybody to a port of their own machine. */
function isReachable(url: string, asked: URL): boolean {
  return asked.protocol !== 'https:' || !/^http:/i.test(url);
}

/** Whether metadata is for `asked`, and names authorization servers that can be ones. */
export function assertFits(metadata: ProtectedResource, asked: URL): void {
  assertCovers(metadata.resource, asked);
  assertIssuers(metadata, asked);
}

/** RFC 9728 section 3.3, so that nobody gets a token for a resource by claiming to speak for it. */
function assertCovers(resource: string, asked: URL): void {
  if (covers(resource, asked)) return;
  throw new OAuthError(
    'resource_mismatch',
    `The protected resource metadata of ${asked.origin}${asked.pathname} is for ${shown(resource)}, which does not cover it. Do not send a token there.`,
  );
}

function covers(resource: string, asked: URL): boolean {
  // RFC 8707 section 2: an absolute URI without a fragment.
  if (!URL.canParse(resource) || resource.includes('#')) return false;
  const { origin, pathname, search, username, password } = new URL(resource);
  if (origin !== asked.origin || username !== '' || password !== '') return false;
  if (search !== '' && search !== asked.search) return false;
  const prefix = pathname.endsWith('/') ? pathname : `${pathname}/`;
  return `${asked.pathname}/`.startsWith(prefix);
}

function assertIssuers({ authorization_servers = [], resource }: ProtectedResource, asked: URL): void {
  if (authorization_servers.every((issuer) => isIssuer(issuer) && isReachable(issuer, asked))) return;
  throw new OAuthError(
    'invalid_response',
    `The protected resource metadata of ${shown(resource)} names an authorization server that is not an https URL without query and fragment.`,
  );
}
