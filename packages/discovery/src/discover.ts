import { isOAuthError, OAuthError, type AuthorizationServer, type RequestOptions, type Store } from '@oa/types';
import { readCache, writeCache } from './cache.ts';
import { assertCachedMetadata, type CachedMetadata } from './cached-metadata.ts';
import { conventionalServer } from './conventional.ts';
import { quoteIssuer, toIssuerUrl } from './issuer.ts';
import { isWithinLifetime, memoryFor, rememberServer, type DiscoveryMemory, type KnownServer } from './memory.ts';
import { fetchPublishedServer } from './server.ts';
import { serverMetadataUrls } from './well-known.ts';

/** The options of {@link discover}. */
export interface DiscoverOptions extends RequestOptions {
  /**
   * For a server that definitely publishes no metadata: `conventional` uses the endpoints of {@link conventionalServer}, `none`
   * rejects with `metadata_not_found`.
   *
   * @default 'conventional'
   */
  fallback?: 'conventional' | 'none' | undefined;
  /** Keeps metadata for other processes. The key is the issuer. Metadata is kept in memory in any case. */
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
 * - A server that answers every well-known URL with a 4xx gets the conventional endpoints (event `discovery_fallback`).
 * - A cache that fails is the event `metadata_cache_failed`, and a miss.
 *
 * @example
 * ```ts
 * const server = await discover('https://accounts.google.com');
 * console.log(server.token_endpoint);
 * ```
 *
 * @param issuer the exact string that the server publishes, compared byte for byte
 * @param options `timeout` is for all requests together
 * @returns the metadata, as a copy of the caller's own
 * @throws {OAuthError} `issuer_mismatch`, `metadata_not_found`, `insecure_url`, `network_error`, `timeout`, `http_error`, `oauth_error`,
 *   `redirect_refused`, `response_too_large`, `unexpected_content_type`, `invalid_json`, `invalid_response`
 * @throws {TypeError} if `issuer` can't be an issuer identifier, or if an option is wrong
 * @see https://www.rfc-editor.org/rfc/rfc8414#section-3
 * @see https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
 */
export async function discover(issuer: string, options: DiscoverOptions = {}): Promise<AuthorizationServer> {
  toIssuerUrl(issuer);
  const { fallback = 'conventional', fresh = false, signal, timeout, onEvent } = options;
  if (fallback !== 'conventional' && fallback !== 'none')
    throw new TypeError("options.fallback must be 'conventional' or 'none'.");
  signal?.throwIfAborted();

  const memory = memoryFor(options.cache ?? options.fetch);
  const known = fresh ? undefined : memory.known.get(issuer);
  const lookUp = fresh ? askServer : findServer;
  const { entry, stale } =
    known !== undefined && isUsableServer(known, options)
      ? known
      : await memory.lookups.run(
          JSON.stringify([issuer, fallback, timeout, fresh]),
          (shared) => lookUp(issuer, { ...options, signal: shared }, memory),
          signal,
        );
  const { guessed_after } = entry.server;
  if (stale !== undefined) onEvent?.({ type: 'stale_metadata', issuer, code: stale });
  if (guessed_after !== undefined) onEvent?.({ type: 'discovery_fallback', issuer, guessed_after });
  return structuredClone(entry.server);
}

/** Looks in the cache, then asks the server. While the server is down, takes the expired metadata. */
async function findServer(issuer: string, options: DiscoverOptions, memory: DiscoveryMemory): Promise<KnownServer> {
  const stored = await readCache(issuer, options, (entry) => assertCachedMetadata(entry, issuer));
  if (stored !== undefined) {
    const known = { entry: stored, until: stored.expires_at * 1000 };
    if (isUsableServer(known, options)) return rememberServer(memory, issuer, known);
  }
  const now = (options.now ?? Date.now)();
  const expired = stored ?? memory.known.get(issuer)?.entry;
  if (expired === undefined || expired.conventional || now > (expired.expires_at + MAX_STALE_SECONDS) * 1000)
    return askServer(issuer, options, memory);
  try {
    const timeout = Math.min(options.timeout ?? STALE_TIMEOUT_MS, STALE_TIMEOUT_MS);
    return await askServer(issuer, { ...options, timeout }, memory);
  } catch (error) {
    if (!isOAuthError(error) || !error.retryable) throw error;
    return rememberServer(memory, issuer, { entry: expired, until: now + STALE_PAUSE_MS, stale: error.code });
  }
}

async function askServer(issuer: string, options: DiscoverOptions, memory: DiscoveryMemory): Promise<KnownServer> {
  const seconds = (options.now ?? Date.now)() / 1000;
  const published = await fetchPublishedServer(issuer, options);
  if (published === undefined && options.fallback === 'none')
    throw new OAuthError(
      'metadata_not_found',
      `The server of ${quoteIssuer(issuer)} publishes no metadata at the well-known addresses. Check the issuer, or allow the conventional endpoints.`,
    );
  const lifetime = published === undefined ? CONVENTIONAL_LIFETIME_SECONDS : published.lifetime;
  const expires_at = Math.floor(seconds + (lifetime ?? 0));
  const entry: CachedMetadata =
    published === undefined
      ? {
          server: { ...conventionalServer(issuer), guessed_after: serverMetadataUrls(toIssuerUrl(issuer)) },
          expires_at,
          conventional: true,
        }
      : { server: published.server, expires_at };
  const known = { entry, until: expires_at * 1000 };
  if (lifetime === undefined) return known;
  await writeCache(issuer, entry, options);
  return rememberServer(memory, issuer, known);
}

function isUsableServer(known: KnownServer, options: DiscoverOptions): boolean {
  if (known.entry.conventional && options.fallback === 'none') return false;
  return isWithinLifetime(known, (options.now ?? Date.now)());
}
