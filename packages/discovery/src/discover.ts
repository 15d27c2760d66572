import { isOAuthError, OAuthError, type AuthorizationServer, type RequestOptions, type Store } from '@oa/types';
import { readCache, writeCache, type CachedMetadata } from './cache.ts';
import { conventionalServer } from './conventional.ts';
import { issuerUrl, shown } from './issuer.ts';
import { isFresh, memoryOf, remember, type Known, type Memory } from './memory.ts';
import { publishedServer } from './server.ts';

/** The options of {@link discover}. */
export interface DiscoverOptions extends RequestOptions {
  /** What to do about a server that definitely publishes no metadata: `conventional` (default) uses {@link conventionalServer}. */
  fallback?: 'conventional' | 'none' | undefined;
  /** Keeps metadata for other processes, by issuer. Memory is used in any case. */
  cache?: Store<CachedMetadata> | undefined;
}

/** Seconds. So short that a server which comes to publish metadata is noticed, and a program started in a row asks once. */
const CONVENTIONAL_LIFETIME = 60;
/** Seconds for which metadata that has expired may stand in for a server that is down. Endpoints may have a new owner one day. */
const LONGEST_STALE = 7 * 86_400;
/** Milliseconds that a server which has published before is given: nobody waits longer for what he can do without. */
const STALE_PATIENCE = 5000;
/** Milliseconds for which a server that is down is not asked again. */
const STALE_PAUSE = 60_000;

/**
 * From an issuer to the metadata of its authorization server (RFC 8414, OpenID Connect Discovery).
 *
 * Kept for as long as the server's `Cache-Control` allows, 10 minutes where it says nothing, 24 hours at most; callers at
 * the same time share one request. Metadata that has expired is used while the server is down (event `stale_metadata`).
 * A server that answers every well-known URL with a 4xx gets the conventional endpoints (event `discovery_fallback`).
 *
 * Rejects with `issuer_mismatch` if the document's `issuer` is not `issuer`, byte for byte; `metadata_not_found` with
 * `fallback: 'none'`; `insecure_url` for plain http beyond loopback, in the issuer or in an endpoint; `invalid_response` for
 * a document without `token_endpoint` or with one that is not an http(s) URL; and with what `request` and `readJson` of
 * `@oa/http` reject with. With a `TypeError` for what can't be an issuer.
 */
export async function discover(issuer: string, options: DiscoverOptions = {}): Promise<AuthorizationServer> {
  issuerUrl(issuer);
  const { fallback = 'conventional', signal, timeout, onEvent } = options;
  if (fallback !== 'conventional' && fallback !== 'none')
    throw new TypeError("options.fallback must be 'conventional' or 'none'");
  signal?.throwIfAborted();

  const memory = memoryOf(options);
  const known = memory.known.get(issuer);
  const { entry, stale } =
    known !== undefined && isUsable(known, options)
      ? known
      : await memory.share(
          JSON.stringify([issuer, fallback, timeout]),
          (shared) => lookUp(issuer, { ...options, signal: shared }, memory),
          signal,
        );
  if (stale !== undefined) onEvent?.({ type: 'stale_metadata', issuer, code: stale });
  if (entry.conventional) onEvent?.({ type: 'discovery_fallback', issuer });
  return structuredClone(entry.server);
}

/** In the cache, else at the server, else what is left of an earlier time. */
async function lookUp(issuer: string, options: DiscoverOptions, memory: Memory): Promise<Known> {
  const stored = await readCache(issuer, options);
  if (stored !== undefined) {
    const known = { entry: stored, until: stored.expires_at * 1000 };
    if (isUsable(known, options)) return remember(memory, issuer, known);
  }
  const now = (options.now ?? Date.now)();
  const entry = stored ?? memory.known.get(issuer)?.entry;
  if (entry === undefined || entry.conventional || now > (entry.expires_at + LONGEST_STALE) * 1000)
    return ask(issuer, options, memory);
  try {
    const timeout = Math.min(options.timeout ?? STALE_PATIENCE, STALE_PATIENCE);
    return await ask(issuer, { ...options, timeout }, memory);
  } catch (error) {
    if (!isOAuthError(error) || !error.retryable) throw error;
    return remember(memory, issuer, { entry, until: now + STALE_PAUSE, stale: error.code });
  }
}

async function ask(issuer: string, options: DiscoverOptions, memory: Memory): Promise<Known> {
  const seconds = (options.now ?? Date.now)() / 1000;
  const published = await publishedServer(issuer, options);
  if (published === undefined && options.fallback === 'none')
    throw new OAuthError(
      'metadata_not_found',
      `The server of ${shown(issuer)} publishes no metadata at the well-known addresses. Check the issuer, or allow the conventional endpoints.`,
    );
  const lifetime = published === undefined ? CONVENTIONAL_LIFETIME : published.lifetime;
  const expires_at = Math.floor(seconds + (lifetime ?? 0));
  const entry: CachedMetadata =
    published === undefined
      ? { server: conventionalServer(issuer), expires_at, conventional: true }
      : { server: published.server, expires_at };
  const known = { entry, until: expires_at * 1000 };
  if (lifetime === undefined) return known;
  await writeCache(issuer, entry, options);
  return remember(memory, issuer, known);
}

function isUsable(known: Known, options: DiscoverOptions): boolean {
  if (known.entry.conventional && options.fallback === 'none') return false;
  return isFresh(known, (options.now ?? Date.now)());
}
