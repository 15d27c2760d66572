import { OAuthError, type Client } from '@oa/types';

export type RedirectHost = '127.0.0.1' | '[::1]' | 'localhost';

/** A redirect URI whose port is still open. */
export interface RedirectTarget {
  host: RedirectHost;
  /** The port that it was registered with. */
  port?: number;
  /** Path and query, exactly as registered. */
  path: string;
}

/** In the order of RFC 8252 section 8.3: `localhost` is only for those who asked for it. */
const HOSTS: readonly RedirectHost[] = ['127.0.0.1', '[::1]', 'localhost'];
/**
 * A server may register other URIs than it was asked for. A path that begins with two slashes (or what a browser takes for them) would
 * send the browser to another host after the login, and everything that is not printable is for nobody's terminal or header.
 */
const LOOPBACK_URI =
  /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(?::(\d{1,5}))?((?:[/?](?![/\\])[\x21\x22\x24-\x7e]*)?)$/;

/**
 * The redirect URIs that a login can use, best first: those that the client is registered with, or `/callback` on an IP
 * literal. The port is the client's choice (RFC 8252 section 7.3).
 */
export function redirectTargets(client: Client, host?: RedirectHost): RedirectTarget[] {
  if (client.redirect_uris === undefined || client.redirect_uris.length === 0) return targetsOn(host);
  const registered = client.redirect_uris.flatMap((uri) => readTarget(uri) ?? []);
  const targets = HOSTS.filter((each) => host === undefined || each === host).flatMap((each) =>
    registered.filter((target) => target.host === each),
  );
  if (targets.length === 0)
    throw new OAuthError(
      'client_required',
      `None of this client's redirect_uris is an http URL on ${host ?? 'a loopback host'}. Register one, such as http://127.0.0.1/callback.`,
    );
  return targets;
}

/**
 * The redirect URIs to register for a client that logs in with these options (RFC 7591 section 2): both loopback addresses, or
 * the `redirectHost`, with the ports that were named. Without one the login draws a port, which no server may insist on
 * (RFC 8252 section 7.3).
 */
export function loopbackRedirectUris(
  options: { port?: number | readonly number[] | undefined; redirectHost?: RedirectHost | undefined } = {},
): string[] {
  const { port = 0, redirectHost } = options;
  const ports = (typeof port === 'number' ? [port] : port).map((each) => (each === 0 ? '' : `:${each}`));
  return targetsOn(redirectHost).flatMap(({ host, path }) => ports.map((each) => `http://${host}${each}${path}`));
}

function targetsOn(host: RedirectHost | undefined): RedirectTarget[] {
  return (host === undefined ? HOSTS.slice(0, 2) : [host]).map((each) => ({ host: each, path: '/callback' }));
}

function readTarget(uri: string): RedirectTarget | undefined {
  const match = LOOPBACK_URI.exec(uri);
  if (match === null) return undefined;
  const target: RedirectTarget = { host: match[1] as RedirectHost, path: match[3] ?? '' };
  return match[2] === undefined ? target : { ...target, port: Number(match[2]) };
}
