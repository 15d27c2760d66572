import type { AuthorizationServer } from '@oa/types';
import { findServer, isUsableServer } from './lookup.ts';
import { memoryFor } from './memory.ts';
import type { DiscoverOptions } from './options.ts';
import { toServerSearch } from './search.ts';

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
