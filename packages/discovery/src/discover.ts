import { isOAuthError, type AuthorizationServer, type RequestOptions, type Store } from '@oa/types';
import { readCache, writeCache } from './cache.ts';
import { assertCachedMetadata, type CachedMetadata, type UsableMetadata } from './cached-metadata.ts';
import { guessServer } from './guess.ts';
import {
  isWithinLifetime,
  memoryFor,
  rememberAddress,
  rememberServer,
  type DiscoveryMemory,
  type KnownServer,
} from './memory.ts';
import { toServerSearch, type ServerSearch } from './search.ts';
import { fetchPublishedServer, type PublishedServer } from './server.ts';

/** The options of {@link discover}. */
export interface DiscoverOptions extends RequestOptions {
  /**
   * For a server that definitely publishes no metadata: `conventional` guesses the endpoints of {@link conventionalServer}, `none`
   * rejects with `metadata_not_found`.
   *
   * @default 'conventional'
   */
  fallback?: 'conventional' | 'none' | undefined;
  /**
   * Keeps metadata for other processes. The key is the issuer, without the slash after the host if there is no path. Metadata is kept in memory
   * in any case.
   */
  cache?: Store<CachedMetadata> | undefined;
  /**
   * Whether to ask the server even where a copy is cached, because an endpoint of the copy does not exist any more. The new copy replaces
   * the cached one. If the server can't be asked, the promise rejects.
   *
   * @default false
   */
  fresh?: boolean | undefined;
}

/** Short enough to notice a server that starts to publish metadata, long enough for a program that is started repeatedly. */
const CONVENTIONAL_LIFETIME_SECONDS = 60;
/** How long expired metadata is used while the server is down. Endpoints may change their owner. */
const MAX_STALE_SECONDS = 7 * 86_400;
/** The timeout for a server whose expired metadata is available. */
const STALE_TIMEOUT_MS = 5000;
/** How long a server that is down is not asked again. */
const STALE_PAUSE_MS = 60_000;

/**
 * Discovers the metadata of an authorization server from its issuer.
 *
 * - The metadata is cached as long as the server's `Cache-Control` allows: 10 minutes without one, 24 hours at most. Concurrent
 *   callers share one request.
 * - While the server is down, expired metadata is used for up to 7 days (event `stale_metadata`).
 * - The endpoints of a server that publishes no metadata are guessed (event `discovery_fallback`, member `guessed_after`): only if a
 *   well-known URL answers 404 or 410, and none 401, 403, 407 or 451.
 * - The address of a metadata document is read as that document. No endpoint is guessed then.
 * - A cache that fails is the event `metadata_cache_failed`, and a miss.
 *
 * @example
 * ```ts
 * const server = await discover('https://accounts.google.com');
 * console.log(server.token_endpoint);
 * ```
 *
 * @param issuer the string that the server publishes, compared byte for byte, except for the slash after the host if there is no path;
 *   or the address of its metadata document
 * @param options `timeout` is for all requests together
 * @returns the metadata, as a copy of the caller's own, with the issuer as the server writes it
 * @throws {OAuthError} `issuer_mismatch`, `metadata_not_found`, `insecure_url`, `network_error`, `timeout`, `http_error`, `oauth_error`,
 *   `redirect_refused`, `response_too_large`, `unexpected_content_type`, `invalid_json`, `invalid_response`
 * @throws {TypeError} if `issuer` can't be an issuer identifier, or if an option is wrong
 * @see https://www.rfc-editor.org/rfc/rfc8414#section-3
 * @see https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
 */
export async function discover(issuer: string, options: DiscoverOptions = {}): Promise<AuthorizationServer> {
  const search = toServerSearch(issuer);
  const { fallback = 'conventional', fresh = false, signal, timeout, onEvent } = options;
  if (fallback !== 'conventional' && fallback !== 'none')
    throw new TypeError("options.fallback must be 'conventional' or 'none'.");
  signal?.throwIfAborted();

  const memory = memoryFor(options.cache ?? options.fetch);
  const known = memory.known.get(search.key);
  const { entry, stale } =
    known !== undefined && !fresh && isUsableServer(known, options)
      ? known
      : await memory.lookups.run(
          JSON.stringify([search.key, fallback, timeout, fresh]),
          (shared) => findServer({ search, memory, options: { ...options, signal: shared } }),
          signal,
        );
  const { guessed_after } = entry.server;
  if (stale !== undefined) onEvent?.({ type: 'stale_metadata', issuer, code: stale });
  if (guessed_after !== undefined) onEvent?.({ type: 'discovery_fallback', issuer, guessed_after });
  return structuredClone(entry.server);
}

/** One search for the metadata of a server, which several callers may share. */
interface Lookup {
  search: ServerSearch;
  memory: DiscoveryMemory;
  options: DiscoverOptions;
}

/** Looks in the cache, then asks the server. While the server is down, takes the expired metadata. */
async function findServer(lookup: Lookup): Promise<KnownServer> {
  const { search, memory, options } = lookup;
  const { key } = search;
  const stored = await readCache(key, options, (entry) => assertCachedMetadata(entry, search));
  if (hasDocument(stored) && options.fresh !== true) {
    const known = { entry: stored, until: stored.expires_at * 1000 };
    if (isUsableServer(known, options)) return rememberServer(memory, key, known);
  }
  const now = (options.now ?? Date.now)();
  if (stored?.server === undefined && stored?.metadata_url !== undefined)
    rememberAddress(memory, key, stored.metadata_url);
  const latest = stored ?? memory.known.get(key)?.entry;
  const published = hasDocument(latest) && isPublished(latest, now) ? latest : undefined;
  const first = latest?.metadata_url ?? memory.addresses.get(key);
  if (published === undefined) return askServer(lookup, first, options.fallback !== 'none');
  // A server that has published metadata in the last days has not stopped to: a guess would lead secrets to other endpoints.
  if (options.fresh === true) return askServer(lookup, first, false);
  try {
    const timeout = Math.min(options.timeout ?? STALE_TIMEOUT_MS, STALE_TIMEOUT_MS);
    return await askServer({ ...lookup, options: { ...options, timeout } }, first, false);
  } catch (error) {
    if (!isOAuthError(error) || !(error.retryable || error.code === 'metadata_not_found')) throw error;
    return rememberServer(memory, key, { entry: published, until: now + STALE_PAUSE_MS, stale: error.code });
  }
}

/** @param first the address to ask before the others */
async function askServer(
  { search, memory, options }: Lookup,
  first: string | undefined,
  mayGuess: boolean,
): Promise<KnownServer> {
  const seconds = (options.now ?? Date.now)() / 1000;
  const published = await fetchPublishedServer(search, first, options);
  const { entry, isStorable } =
    published.found === undefined
      ? toGuessedEntry(guessServer(search, published.absent, mayGuess), seconds)
      : toPublishedEntry(published.found, published.url, seconds);
  const known = { entry, until: entry.expires_at * 1000 };
  if (isStorable) {
    memory.addresses.delete(search.key);
    await writeCache(search.key, entry, options, search.issuer);
    return rememberServer(memory, search.key, known);
  }
  const { metadata_url = '', expires_at } = entry;
  // The address alone is stored once.
  if (memory.addresses.get(search.key) !== metadata_url)
    await writeCache(search.key, { metadata_url, expires_at }, options, search.issuer);
  rememberAddress(memory, search.key, metadata_url);
  return known;
}

interface NewEntry {
  entry: UsableMetadata;
  isStorable: boolean;
}

function toGuessedEntry(server: AuthorizationServer, seconds: number): NewEntry {
  const expires_at = Math.floor(seconds + CONVENTIONAL_LIFETIME_SECONDS);
  return { entry: { server, expires_at, conventional: true }, isStorable: true };
}

function toPublishedEntry({ server, lifetime }: PublishedServer, metadata_url: string, seconds: number): NewEntry {
  const expires_at = Math.floor(seconds + (lifetime ?? 0));
  return { entry: { server, metadata_url, expires_at }, isStorable: lifetime !== undefined };
}

function hasDocument(entry: CachedMetadata | undefined): entry is UsableMetadata {
  return entry?.server !== undefined;
}

/** Whether the server has published this metadata, and recently enough to be used while the server is down. */
function isPublished({ conventional, expires_at }: UsableMetadata, now: number): boolean {
  return conventional !== true && now <= (expires_at + MAX_STALE_SECONDS) * 1000;
}

function isUsableServer(known: KnownServer, options: DiscoverOptions): boolean {
  const { conventional, server } = known.entry;
  if (conventional && (options.fallback === 'none' || server.guessed_after === undefined)) return false;
  return isWithinLifetime(known, (options.now ?? Date.now)());
}
