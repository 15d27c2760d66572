import { request } from '@oa/http';
import { isObject } from '@oa/mechanisms';
import { attempt, OAuthError, type ProtectedResource, type RequestOptions, type Store } from '@oa/types';
import { isScope } from '@oa/types/rfc';
import { readCache, writeCache } from './cache.ts';
import { parseChallenges } from './challenge.ts';
import { assertResourceMetadata, discoverResource, toResourceUrl } from './resource.ts';

/** What a protected resource requires of a token. */
export interface ResourceRequirements {
  /** The issuers of its authorization servers, at least one. */
  authorization_servers: [string, ...string[]];
  /** To be sent unchanged as the `resource` parameter (RFC 8707). */
  resource: string;
  /** Scopes separated by spaces: those of the challenge, else those of the metadata. */
  scope?: string;
  /** Seconds since the epoch. */
  expires_at: number;
}

/** The options of {@link discoverRequirements}. */
export interface DiscoverRequirementsOptions extends RequestOptions {
  /** Keeps requirements for later calls. The key is the URL of the resource. */
  cache?: Store<ResourceRequirements> | undefined;
}

/** The lifetime of server metadata without `Cache-Control`. */
const REQUIREMENTS_LIFETIME_SECONDS = 600;
/** Fits into the URL of a login. */
const MAX_REQUIRED_SCOPE_CHARACTERS = 4000;

/**
 * Discovers which token a protected resource requires: requests the resource without a token, reads its challenge, then its metadata.
 *
 * The result is cached for 10 minutes. A cache that fails is the event `metadata_cache_failed`, and a miss.
 *
 * @example
 * ```ts
 * const { authorization_servers, resource, scope } = await discoverRequirements('https://api.example/v1');
 * ```
 *
 * @param options `timeout` is for the request to the resource, and again for those to its metadata
 * @throws {OAuthError} `metadata_not_found` if the resource publishes no metadata, or names no authorization server;
 *   `resource_mismatch`, `insecure_url`, `network_error`, `timeout`, `http_error`, `oauth_error`, `redirect_refused`,
 *   `response_too_large`, `unexpected_content_type`, `invalid_json`, `invalid_response`
 * @throws {TypeError} if `url` is not an absolute URL, or if an option is wrong
 * @see https://www.rfc-editor.org/rfc/rfc9728#section-5
 */
export async function discoverRequirements(
  url: string,
  options: DiscoverRequirementsOptions = {},
): Promise<ResourceRequirements> {
  const asked = toResourceUrl(url);
  const { cache: _, ...network } = options;
  const now = network.now ?? Date.now;
  const stored = await readCache(url, options, (entry) => assertRequirements(entry, asked));
  if (stored !== undefined && isUnexpired(stored, now())) return stored;
  const found = await askResource(url, network);
  const requirements = { ...found, expires_at: Math.floor(now() / 1000) + REQUIREMENTS_LIFETIME_SECONDS };
  await writeCache(url, requirements, options, requirements.authorization_servers[0]);
  return requirements;
}

/** Checks a stored entry as strictly as a response. */
function assertRequirements(entry: ResourceRequirements, asked: URL): void {
  const stored: Record<string, unknown> = isObject(entry) ? entry : {};
  const { authorization_servers: servers, resource, scope, expires_at } = stored;
  const isComplete = Array.isArray(servers) && servers.length > 0 && typeof resource === 'string';
  if (!isComplete || typeof expires_at !== 'number' || (scope !== undefined && typeof scope !== 'string'))
    throw new OAuthError(
      'corrupt_file',
      'The stored requirements are not what was stored for this resource. Delete the entry.',
    );
  assertResourceMetadata({ resource, authorization_servers: servers as string[] }, asked);
}

/** An entry with more than the whole lifetime left was written before the clock was set back: it is not used. */
function isUnexpired({ expires_at }: ResourceRequirements, now: number): boolean {
  return now < expires_at * 1000 && expires_at * 1000 <= now + REQUIREMENTS_LIFETIME_SECONDS * 1000;
}

async function askResource(url: string, options: RequestOptions): Promise<Omit<ResourceRequirements, 'expires_at'>> {
  const challenge = await probeChallenge(url, options);
  const metadata = await discoverResource(url, { ...options, challenge });
  const [issuer, ...others] = metadata.authorization_servers ?? [];
  const scope = requiredScope(challenge, metadata, url);
  if (issuer === undefined)
    throw new OAuthError(
      'metadata_not_found',
      `The metadata of ${new URL(url).origin} names no authorization server. Pass the issuer instead of the resource.`,
    );
  const requirements: Omit<ResourceRequirements, 'expires_at'> = {
    authorization_servers: [issuer, ...others],
    resource: metadata.resource,
  };
  if (scope !== '') requirements.scope = scope;
  return requirements;
}

/** The scopes of the challenge, else those of the metadata, else an empty string. */
function requiredScope(challenge: string | undefined, metadata: ProtectedResource, url: string): string {
  const [challenged] = parseChallenges(challenge ?? null).flatMap(({ parameters }) => parameters['scope'] ?? []);
  const scope = challenged ?? metadata.scopes_supported?.join(' ') ?? '';
  if (scope === '' || isScope(scope, MAX_REQUIRED_SCOPE_CHARACTERS)) return scope;
  throw new OAuthError(
    'invalid_response',
    `${new URL(url).origin} asks for scopes that are too long, or that have characters which RFC 6749 section 3.3 forbids. Pass the issuer and the scope instead.`,
  );
}

/**
 * Requests the resource without a token, for the challenge in its 401. Without a challenge the metadata is where RFC 9728 section 3.1
 * puts it.
 */
async function probeChallenge(url: string, options: RequestOptions): Promise<string | undefined> {
  const probe = await attempt(request('GET', url, options));
  if (!probe.ok || probe.value.status !== 401) return undefined;
  return probe.value.headers.get('www-authenticate') ?? undefined;
}
