/** Seconds, where the server says nothing. */
const DEFAULT = 600;
/** Seconds, whatever the server says: endpoints move. */
export const LONGEST = 86_400;

/**
 * Seconds for which an answer may be used again (RFC 9111 section 5.2.2), `undefined` if it may not be kept at all. 0 is for
 * what may be kept and has to be asked for again: it serves when the server is down.
 */
export function lifetimeOf(headers: Headers): number | undefined {
  const directives = (headers.get('cache-control') ?? '')
    .toLowerCase()
    .split(',')
    .map((directive) => directive.trim());
  if (directives.includes('no-store')) return undefined;
  if (directives.includes('no-cache')) return 0;
  const [maxAge] = directives.flatMap((directive) => /^max-age="?(\d{1,15})"?$/.exec(directive)?.[1] ?? []);
  if (maxAge === undefined) return DEFAULT;
  // Seconds that a cache on the way has kept it already.
  const age = /^\d{1,15}$/.exec(headers.get('age') ?? '')?.[0] ?? 0;
  return Math.min(Math.max(Number(maxAge) - Number(age), 0), LONGEST);
}
