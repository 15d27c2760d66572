import type { Client } from '@oa/types';

/** What a registered client has to be good for. */
export interface Wanted {
  /** The redirect URIs that it is going to use. */
  redirect_uris?: readonly string[] | undefined;
  now: () => number;
}

/** Milliseconds before its expiry from which a secret is not worth starting anything with. */
const LEEWAY = 60_000;

/** Whether the registration is still good: its secret has not expired, and it may use every redirect URI wanted. */
export function fits(client: Client, { redirect_uris = [], now }: Wanted): boolean {
  // RFC 7591 section 3.2.1: 0 means that it does not expire.
  const expiry = client.client_secret_expires_at;
  if (typeof expiry === 'number' && expiry !== 0 && expiry * 1000 <= now() + LEEWAY) return false;
  const registered = client.redirect_uris;
  // A server that does not say what it registered is taken at its word that it registered what was asked for.
  if (!Array.isArray(registered)) return true;
  return redirect_uris.every((wanted) => registered.some((uri) => sameRedirect(uri, wanted)));
}

/** Byte for byte; of loopback redirects any port will do (RFC 8252 section 7.3). */
function sameRedirect(registered: unknown, wanted: string): boolean {
  if (typeof registered !== 'string') return false;
  return registered === wanted || (isLoopback(wanted) && withoutPort(registered) === withoutPort(wanted));
}

/** RFC 8252 section 7.3 speaks of IP literals; `localhost` (section 8.3) is treated alike by the servers that allow it. */
const LOOPBACK = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost))(:\d*)?(?=[/?#]|$)/;

function isLoopback(uri: string): boolean {
  return LOOPBACK.test(uri);
}

function withoutPort(uri: string): string {
  return uri.replace(LOOPBACK, '$1');
}
