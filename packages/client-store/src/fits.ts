import { DEFAULT_LEEWAY_MS, type Client } from '@oa/types';
import { isSameRedirectUri } from '@oa/types/rfc';

/** What the caller needs a registered client for. */
export interface ClientNeeds {
  /** The redirect URIs that will be used. */
  redirect_uris?: readonly string[] | undefined;
  /** What else the caller needs. */
  isUsable?: ((client: Client) => boolean) | undefined;
  /** The clock, in milliseconds since the epoch. */
  now: () => number;
}

/**
 * Whether the secret of a registered client has expired, or expires within {@link DEFAULT_LEEWAY_MS}.
 *
 * @param now the clock, in milliseconds since the epoch
 * @see https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1
 */
export function isSecretExpiring({ client_secret_expires_at: expiry }: Client, now: () => number = Date.now): boolean {
  // An expiry of 0 means that the secret does not expire.
  return expiry !== undefined && expiry !== 0 && expiry * 1000 <= now() + DEFAULT_LEEWAY_MS;
}

/**
 * Whether a registration can still be used: its secret does not expire within {@link DEFAULT_LEEWAY_MS}, and it has every
 * redirect URI that is needed, and the caller can use it.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1
 */
export function isFittingClient(client: Client, { redirect_uris = [], isUsable, now }: ClientNeeds): boolean {
  if (isSecretExpiring(client, now) || isUsable?.(client) === false) return false;
  const registered = client.redirect_uris;
  // A server that does not return the redirect URIs is assumed to have registered the requested ones.
  if (registered === undefined) return true;
  return redirect_uris.every((needed) => registered.some((uri) => isSameRedirectUri(uri, needed)));
}
