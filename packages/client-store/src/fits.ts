import { DEFAULT_LEEWAY_MS, type Client } from '@oa/types';
import { LOOPBACK_HOSTS } from '@oa/types/rfc';

/** What the caller needs a registered client for. */
export interface ClientNeeds {
  /** The redirect URIs that will be used. */
  redirect_uris?: readonly string[] | undefined;
  /** The clock, in milliseconds since the epoch. */
  now: () => number;
}

/**
 * Whether a registration can still be used: its secret does not expire within {@link DEFAULT_LEEWAY_MS}, and it has every
 * redirect URI that is needed.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1
 */
export function isFittingClient(client: Client, { redirect_uris = [], now }: ClientNeeds): boolean {
  // An expiry of 0 means that the secret does not expire.
  const expiry = client.client_secret_expires_at;
  if (typeof expiry === 'number' && expiry !== 0 && expiry * 1000 <= now() + DEFAULT_LEEWAY_MS) return false;
  const registered = client.redirect_uris;
  // A server that does not return the redirect URIs is assumed to have registered the requested ones.
  if (!Array.isArray(registered)) return true;
  return redirect_uris.every((needed) => registered.some((uri) => isSameRedirect(uri, needed)));
}

/** Compares byte for byte. The port of a loopback redirect does not count (RFC 8252 section 7.3). */
function isSameRedirect(registered: unknown, needed: string): boolean {
  if (typeof registered !== 'string') return false;
  if (registered === needed) return true;
  return LOOPBACK_REDIRECT.test(needed) && withoutPort(registered) === withoutPort(needed);
}

const HOST_PATTERN = LOOPBACK_HOSTS.map((host) => host.replace(/[.[\]]/g, '\\$&')).join('|');
/** RFC 8252 section 7.3 is about IP literals. Servers that allow `localhost` (section 8.3) treat it alike. */
const LOOPBACK_REDIRECT = new RegExp(`^(http://(?:${HOST_PATTERN}))(:\\d*)?(?=[/?#]|$)`);

function withoutPort(uri: string): string {
  return uri.replace(LOOPBACK_REDIRECT, '$1');
}
