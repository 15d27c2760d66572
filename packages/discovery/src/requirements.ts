import { attempt, type OAuthError, type RequestOptions, type Store } from '@oa/types';
import { writeCache } from './cache.ts';
import { memoryFor } from './memory.ts';
import {
  probeChallenge,
  readChallenge,
  readRequired,
  type RequiredByChallenge,
  type RequiredToken,
} from './required.ts';
import { toResourceUrl } from './resource.ts';
import { storedRequirements } from './stored-requirements.ts';

/** What a protected resource requires of a token, and how long that holds. */
export interface ResourceRequirements extends RequiredToken {
  /** Seconds since the epoch. */
  expires_at: number;
  /** Whether the result comes from the cache, and no request was made for it. */
  cached?: true;
}

/** The options of {@link discoverRequirements}. */
export interface DiscoverRequirementsOptions extends RequestOptions {
  /** Keeps requirements for later calls. The key is the URL of the resource. */
  cache?: Store<ResourceRequirements> | undefined;
  /**
   * The `WWW-Authenticate` header of a refusal of the resource. The resource itself is not requested then. A challenge that says something
   * else than the last one makes the metadata be read again.
   */
  challenge?: string | undefined;
  /**
   * Whether the metadata is read again although it is cached, because the resource has refused a token for example.
   *
   * @default false
   */
  fresh?: boolean | undefined;
  /**
   * For a resource that publishes no metadata, or metadata without an authorization server, and whose challenge names none: `origin` takes
   * its origin for its authorization server, as the MCP protocol 2025-03-26 has it, and the result has the member `guessed`. `none` rejects
   * with `metadata_not_found`.
   *
   * @default 'none'
   */
  fallback?: 'origin' | 'none' | undefined;
}

/** The lifetime of server metadata without `Cache-Control`. */
const REQUIREMENTS_LIFETIME_SECONDS = 600;
/** How long metadata that can't be read is not asked for again. */
const STALE_REQUIREMENTS_SECONDS = 60;
/** Codes of an answer that is no usable metadata, such as a page or an error object about maintenance. */
const UNREADABLE_CODES: ReadonlySet<string> = new Set([
  'metadata_not_found',
  'unexpected_content_type',
  'invalid_json',
  'invalid_response',
  'oauth_error',
  'redirect_refused',
  'response_too_large',
]);

/**
 * Discovers which token a protected resource requires: reads its challenge, then its metadata. Without the option `challenge` the resource
 * is requested for its challenge, without a token, and only the headers of its answer are read.
 *
 * The result is cached for 10 minutes. Calls at the same time share one search. While the metadata can't be read (404, 5xx, no connection,
 * an answer that is no metadata) the last result is used, however old it is, with the event `stale_metadata`. A cache that fails is the
 * event `metadata_cache_failed`, and a miss.
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
  toResourceUrl(url);
  const { now = Date.now, challenge, fresh = false, signal } = options;
  const named = readChallenge(challenge);
  const stored = await storedRequirements(url, options);
  if (stored !== undefined && !fresh && isUnexpired(stored, now()) && saysNothingNew(named, stored))
    return { ...stored, cached: true };
  const flight = JSON.stringify([url, challenge, fresh, options.fallback]);
  const work = (shared: AbortSignal): Promise<ResourceRequirements> =>
    askAgain(url, { ...options, signal: shared }, named, stored);
  return memoryFor(options.cache ?? options.fetch).resourceLookups.run(flight, work, signal);
}

async function askAgain(
  url: string,
  options: DiscoverRequirementsOptions,
  named: RequiredByChallenge | undefined,
  stored: ResourceRequirements | undefined,
): Promise<ResourceRequirements> {
  const { cache: _cache, challenge, fresh, fallback, ...network } = options;
  // What the last challenge said still holds where the metadata has only expired.
  const known = { ...(fresh !== true && stored?.challenge), ...named };
  const isKnown = challenge !== undefined || Object.keys(known).length > 0;
  const said = isKnown ? toSaid(known) : await probeChallenge(url, network);
  // Metadata that was read once is away, and not missing.
  const mayGuess = fallback === 'origin' && (stored === undefined || stored.guessed === true);
  const read = await attempt(readRequired(url, said, network, mayGuess));
  const now = Math.floor((network.now ?? Date.now)() / 1000);
  if (read.ok) return keep(url, { ...read.value, expires_at: now + REQUIREMENTS_LIFETIME_SECONDS }, options);
  // A guess ends with the first challenge that names metadata.
  const isOver = stored?.guessed === true && read.error.code === 'metadata_not_found';
  if (stored === undefined || isOver || !isAway(read.error)) throw read.error;
  const [issuer] = stored.authorization_servers;
  network.onEvent?.({ type: 'stale_metadata', issuer, code: read.error.code });
  return keep(url, { ...withChallenge(stored, named), expires_at: now + STALE_REQUIREMENTS_SECONDS }, options);
}

/** The challenge holds although the metadata is away. The same challenge is then no reason to ask for the metadata with every call. */
function withChallenge(stored: ResourceRequirements, named: RequiredByChallenge | undefined): ResourceRequirements {
  if (named === undefined) return stored;
  const scope = named.scope ?? stored.scope;
  return { ...stored, challenge: { ...stored.challenge, ...named }, ...(scope !== undefined && { scope }) };
}

async function keep(
  url: string,
  requirements: ResourceRequirements,
  options: DiscoverRequirementsOptions,
): Promise<ResourceRequirements> {
  await writeCache(url, requirements, options, requirements.authorization_servers[0]);
  return requirements;
}

/**
 * Whether the answer is no usable metadata. Metadata of another resource, or at an address that is not secure, is no reason to use an older
 * one.
 */
function isAway({ code, status = 0, retryable }: OAuthError): boolean {
  return retryable || status >= 400 || UNREADABLE_CODES.has(code);
}

function toSaid(known: RequiredByChallenge): RequiredByChallenge | undefined {
  return Object.keys(known).length === 0 ? undefined : known;
}

/** Whether the challenge says what the last one said. What it leaves out has not changed. */
function saysNothingNew(named: RequiredByChallenge | undefined, { challenge }: ResourceRequirements): boolean {
  const { resource_metadata = challenge?.resource_metadata, scope = challenge?.scope } = named ?? {};
  return resource_metadata === challenge?.resource_metadata && scope === challenge?.scope;
}

/** An entry with more than the whole lifetime left was written before the clock was set back: it is not used. */
function isUnexpired({ expires_at }: ResourceRequirements, now: number): boolean {
  return now < expires_at * 1000 && expires_at * 1000 <= now + REQUIREMENTS_LIFETIME_SECONDS * 1000;
}
