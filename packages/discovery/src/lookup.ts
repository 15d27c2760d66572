import { isOAuthError, type AuthorizationServer } from '@oa/types';
import { readCache, writeCache } from './cache.ts';
import { assertCachedMetadata, type CachedMetadata, type UsableMetadata } from './cached-metadata.ts';
import { guessServer } from './guess.ts';
import { isWithinLifetime, rememberServer, type DiscoveryMemory, type KnownServer } from './memory.ts';
import type { DiscoverOptions } from './options.ts';
import type { ServerSearch } from './search.ts';
import { fetchPublishedServer, type PublishedServer } from './server.ts';

/**
 * For guessed endpoints, and for metadata with `no-store`. Short enough to notice what the server changes, long enough for a program that is
 * started repeatedly.
 */
const SHORT_LIFETIME_SECONDS = 60;
/** How long expired metadata is used while the server is down. Endpoints may change their owner. */
const MAX_STALE_SECONDS = 7 * 86_400;
/** The timeout for a server whose expired metadata is available. */
const STALE_TIMEOUT_MS = 5000;
/** How long a server that is down is not asked again. */
const STALE_PAUSE_MS = 60_000;

/** One search for the metadata of a server, which several callers may share. */
export interface ServerLookup {
  search: ServerSearch;
  memory: DiscoveryMemory;
  options: DiscoverOptions;
}

/** Looks in the cache, then asks the server. While the server is down, takes the expired metadata. */
export async function findServer(lookup: ServerLookup): Promise<KnownServer> {
  const { search, memory, options } = lookup;
  const { key } = search;
  const stored = await readCache(key, options, (entry) => assertCachedMetadata(entry, search));
  if (hasDocument(stored) && options.fresh !== true) {
    const known = { entry: stored, until: stored.expires_at * 1000 };
    if (isUsableServer(known, options)) return rememberServer(memory, key, known);
  }
  const now = (options.now ?? Date.now)();
  const remembered = stored ?? memory.known.get(key)?.entry;
  const published = hasDocument(remembered) && isPublished(remembered, now) ? remembered : undefined;
  const first = remembered?.metadata_url;
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
  { search, memory, options }: ServerLookup,
  first: string | undefined,
  mayGuess: boolean,
): Promise<KnownServer> {
  const seconds = (options.now ?? Date.now)() / 1000;
  const published = await fetchPublishedServer(search, first, options);
  const entry =
    published.found === undefined
      ? toGuessedEntry(guessServer(search, published.absent, mayGuess), seconds)
      : toPublishedEntry(published.found, published.url, seconds);
  await writeCache(search.key, entry, options, search.issuer);
  return rememberServer(memory, search.key, { entry, until: entry.expires_at * 1000 });
}

function toGuessedEntry(server: AuthorizationServer, seconds: number): UsableMetadata {
  return { server, expires_at: Math.floor(seconds + SHORT_LIFETIME_SECONDS), conventional: true };
}

/** The metadata of a server is its configuration, and no answer to one caller. So `no-store` makes its lifetime short, and is no ban. */
function toPublishedEntry(
  { server, lifetime }: PublishedServer,
  metadata_url: string,
  seconds: number,
): UsableMetadata {
  const expires_at = Math.floor(seconds + (lifetime ?? SHORT_LIFETIME_SECONDS));
  return { server, metadata_url, expires_at, ...(lifetime === undefined && { no_store: true }) };
}

function hasDocument(entry: CachedMetadata | undefined): entry is UsableMetadata {
  return entry?.server !== undefined;
}

/** Whether the server has published this metadata, and recently enough to be used while the server is down. */
function isPublished({ conventional, no_store, expires_at }: UsableMetadata, now: number): boolean {
  return conventional !== true && no_store !== true && now <= (expires_at + MAX_STALE_SECONDS) * 1000;
}

/** Whether `known` can be used without a request, and is not a guess that the caller rules out. */
export function isUsableServer(known: KnownServer, options: DiscoverOptions): boolean {
  const { conventional, server } = known.entry;
  if (conventional && (options.fallback === 'none' || server.guessed_after === undefined)) return false;
  return isWithinLifetime(known, (options.now ?? Date.now)());
}
