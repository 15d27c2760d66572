/** For a response without `max-age`. */
const DEFAULT_METADATA_LIFETIME_SECONDS = 600;
/** Caps the server's `max-age`: endpoints move. */
export const MAX_METADATA_LIFETIME_SECONDS = 86_400;

/**
 * Reads `Cache-Control` and `Age`.
 *
 * @returns the seconds for which a response may be used again. `undefined` after `no-store`. 0 means that it must be requested again:
 *   the stored response is used while the server is down.
 * @see https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2
 */
export function cacheLifetimeSeconds(headers: Headers): number | undefined {
  const directives = (headers.get('cache-control') ?? '')
    .toLowerCase()
    .split(',')
    .map((directive) => directive.trim());
  if (directives.includes('no-store')) return undefined;
  if (directives.includes('no-cache')) return 0;
  const [maxAge] = directives.flatMap((directive) => /^max-age="?(\d{1,15})"?$/.exec(directive)?.[1] ?? []);
  if (maxAge === undefined) return DEFAULT_METADATA_LIFETIME_SECONDS;
  // The seconds that a cache between here and the server has stored the response already.
  const age = /^\d{1,15}$/.exec(headers.get('age') ?? '')?.[0] ?? 0;
  return Math.min(Math.max(Number(maxAge) - Number(age), 0), MAX_METADATA_LIFETIME_SECONDS);
}
