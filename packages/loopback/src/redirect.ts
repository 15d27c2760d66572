import { OAuthError, type Client } from '@oa/types';
import { LOOPBACK_HOSTS } from '@oa/types/rfc';

/** The host of a loopback redirect URI: `127.0.0.1`, `[::1]` or `localhost`. */
export type RedirectHost = (typeof LOOPBACK_HOSTS)[number];

/** A redirect URI whose port is not decided yet. */
export interface RedirectTarget {
  host: RedirectHost;
  /** The registered port, 0 if there is none. */
  port: number;
  /** Path and query, exactly as registered. */
  path: string;
}

/** RFC 8252 section 8.3 prefers the IP literals. `localhost` is used only if the caller or the registration names it. */
const DEFAULT_REDIRECT_HOSTS: readonly RedirectHost[] = ['127.0.0.1', '[::1]'];

/** The path of the redirect URI of a client that is registered by hand, or at one server only. */
const CALLBACK_PATH = '/callback';
/** 96 bits of the digest of the issuer: no server can choose an issuer that has the path of another one. */
const ISSUER_PATH_CHARACTERS = 16;

/**
 * The parts of a usable redirect URI: host, port and path. A server may register other URIs than requested. A path that begins with two
 * slashes, or with what a browser reads as such, would send the browser to another host after the login. Characters that are not
 * printable must not reach a terminal or a header.
 */
const REDIRECT_URI = /^http:\/\/(\[[^\]]*\]|[^:/?]*)(?::(\d{1,5}))?((?:[/?](?![/\\])[\x21\x22\x24-\x7e]*)?)$/;

/**
 * The redirect URIs that a login can use, in order of preference: those that the client is registered with, otherwise `/callback` on
 * an IP literal. The client may choose the port (RFC 8252 section 7.3).
 *
 * @throws {OAuthError} `client_required`
 */
export function redirectTargets(client: Client, host: RedirectHost | undefined): RedirectTarget[] {
  if (client.redirect_uris === undefined || client.redirect_uris.length === 0) return toTargets(CALLBACK_PATH, host);
  const registered = client.redirect_uris.flatMap((uri) => parseRedirectUri(uri) ?? []);
  const targets = LOOPBACK_HOSTS.filter((each) => host === undefined || each === host).flatMap((each) =>
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
 * The redirect URIs to register for a client that logs in with these options: on both loopback addresses, or on `redirectHost`, with the
 * ports of `port`. Without `port` the login chooses a random port, which the server must accept (RFC 8252 section 7.3).
 *
 * @param options `issuer` is the server to register at. Its redirect URIs have a path of their own, so that a server can't receive the
 *   code of another one. Without it the path is `/callback`.
 * @see https://www.rfc-editor.org/rfc/rfc7591#section-2
 * @see https://www.rfc-editor.org/rfc/rfc9700#section-4.4.2
 */
export function loopbackRedirectUris(
  options: {
    issuer?: string | undefined;
    port?: number | readonly number[] | undefined;
    redirectHost?: RedirectHost | undefined;
  } = {},
): string[] {
  const { issuer, redirectHost } = options;
  const callbackPath = issuer === undefined ? CALLBACK_PATH : toIssuerPath(issuer);
  const ports = toPorts(options.port, [0]).map((port) => (port === 0 ? '' : `:${port}`));
  return toTargets(callbackPath, redirectHost).flatMap(({ host, path }) =>
    ports.map((port) => `http://${host}${port}${path}`),
  );
}

/** The ports of the option `port`, otherwise `fallback`. 0 is a random port. */
export function toPorts(port: number | readonly number[] | undefined, fallback: readonly number[]): readonly number[] {
  if (port === undefined) return fallback;
  return typeof port === 'number' ? [port] : port;
}

/** Whether `port` is a port number, or 0 for a random port. */
export function isPort(port: unknown): boolean {
  return Number.isInteger(port) && Number(port) >= 0 && Number(port) <= 65_535;
}

function toTargets(path: string, host: RedirectHost | undefined): RedirectTarget[] {
  const hosts = host === undefined ? DEFAULT_REDIRECT_HOSTS : [host];
  return hosts.map((each) => ({ host: each, port: 0, path }));
}

function toIssuerPath(issuer: string): string {
  const { hash } = process.getBuiltinModule('node:crypto');
  return `${CALLBACK_PATH}/${hash('sha256', issuer, 'base64url').slice(0, ISSUER_PATH_CHARACTERS)}`;
}

function parseRedirectUri(uri: string): RedirectTarget | undefined {
  const [, name, port = '0', path = ''] = REDIRECT_URI.exec(uri) ?? [];
  const host = LOOPBACK_HOSTS.find((each) => each === name);
  return host && isPort(Number(port)) ? { host, port: Number(port), path } : undefined;
}
