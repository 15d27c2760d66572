import { OAuthError, type Client } from '@oa/types';
import { LOOPBACK_HOSTS, parseLoopbackUri, toErrorText, type LoopbackUri } from '@oa/types/rfc';

/** The host of a loopback redirect URI: `127.0.0.1`, `[::1]` or `localhost`. */
export type RedirectHost = (typeof LOOPBACK_HOSTS)[number];

/** A redirect URI that a login can use. With port 0 the login chooses the port. */
export type RedirectTarget = LoopbackUri;

/** The option `port` of a login. */
type LoginPorts = number | readonly number[] | undefined;

/** The options of {@link loopbackRedirectUris}. */
export interface RedirectUriOptions {
  /** The server to register at. Without it the path is `/callback`. */
  issuer?: string | undefined;
  port?: LoginPorts;
  redirectHost?: RedirectHost | undefined;
}

/** RFC 8252 section 8.3 prefers the IP literals. `localhost` is used only if the caller or the registration names it. */
const DEFAULT_REDIRECT_HOSTS: readonly RedirectHost[] = ['127.0.0.1', '[::1]'];

/** The path of the redirect URI of a client that is registered by hand, or at one server only. */
const CALLBACK_PATH = '/callback';
/** 96 bits of the digest of the issuer: no server can choose an issuer that has the path of another one. */
const ISSUER_PATH_CHARACTERS = 16;

/** Enough for the URIs of a client in an error. */
const MAX_URIS_CHARACTERS = 500;

/**
 * The redirect URIs that a login can use, in order of preference: those that the client is registered with, otherwise `/callback` on
 * an IP literal. A server may have registered other URIs than requested.
 *
 * @throws {OAuthError} `client_required`
 */
export function redirectTargets(client: Client, host: RedirectHost | undefined): RedirectTarget[] {
  const targets = findTargets(client, host);
  if (targets.length > 0) return targets;
  const { redirect_uris = [] } = client;
  const advice =
    findTargets(client, undefined).length > 0
      ? `Leave out the option redirectHost, or register a URI such as http://${host}/callback`
      : 'Register one, such as http://127.0.0.1/callback';
  throw new OAuthError(
    'client_required',
    `None of this client's redirect_uris is an http URL on ${host ?? 'a loopback host'} that a login can use. ${advice}. It has ${quoteUris(redirect_uris)}.`,
  );
}

function findTargets({ redirect_uris = [] }: Client, host: RedirectHost | undefined): RedirectTarget[] {
  if (redirect_uris.length === 0) return toTargets(CALLBACK_PATH, host);
  const registered = redirect_uris.flatMap((uri) => parseLoopbackUri(uri) ?? []);
  return LOOPBACK_HOSTS.filter((each) => host === undefined || each === host).flatMap((each) =>
    registered.filter((target) => target.host === each),
  );
}

/**
 * The ports that the login listens on, one after the other: those of the option `port`, otherwise the registered ones and a random one.
 * A target with a port is not used with another one: many servers compare ports, against RFC 8252 section 7.3. So a random port is only
 * for a target without a port.
 *
 * @throws {OAuthError} `client_required` if the option contradicts the registered ports
 */
export function toLoginPorts(targets: readonly RedirectTarget[], option: LoginPorts): readonly number[] {
  const usable = findPorts(targets, option);
  if (usable.length > 0) return usable;
  throw new OAuthError(
    'client_required',
    `This client is registered with ${quoteUris(targets.map((target) => toRedirectUri(target, target.port)))}, and the option port asks for ${toPorts(option, []).join(', ')}. ` +
      'Leave out the option port, or register a redirect URI with that port or without a port.',
  );
}

function findPorts(targets: readonly RedirectTarget[], option: LoginPorts): readonly number[] {
  const registered = targets.map(({ port }) => port).filter((port) => port !== 0);
  const asked = toPorts(option, [...new Set([...registered, 0])]);
  return asked.filter((port) => candidateTargets(targets, port).length > 0);
}

/** The targets that can be used with `port`: those that are registered with it, otherwise those without a port. */
export function candidateTargets(targets: readonly RedirectTarget[], port: number): RedirectTarget[] {
  const exact = targets.filter((target) => target.port === port);
  return exact.length > 0 ? exact : targets.filter((target) => target.port === 0);
}

/** The redirect URI on the wire: as it is registered, but for a missing port. Port 80 is the one that a URI without a port has. */
export function toRedirectUri({ host, port: registered, path }: RedirectTarget, port: number): string {
  return registered === 0 && [0, 80].includes(port) ? `http://${host}${path}` : `http://${host}:${port}${path}`;
}

/**
 * Whether a login with these options can use one of the `redirect_uris` of a client. A client without any can have the default one.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8252#section-7.3
 */
export function canReceive(client: Client, options: Pick<RedirectUriOptions, 'port' | 'redirectHost'> = {}): boolean {
  return findPorts(findTargets(client, options.redirectHost), options.port).length > 0;
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
export function loopbackRedirectUris(options: RedirectUriOptions = {}): string[] {
  const { issuer, redirectHost } = options;
  const callbackPath = issuer === undefined ? CALLBACK_PATH : toIssuerPath(issuer);
  const ports = toPorts(options.port, [0]);
  return toTargets(callbackPath, redirectHost).flatMap((target) =>
    ports.map((port) => toRedirectUri({ ...target, port }, port)),
  );
}

/** The ports of the option `port`, otherwise `fallback`. 0 is a random port. */
export function toPorts(port: LoginPorts, fallback: readonly number[]): readonly number[] {
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

function quoteUris(uris: readonly string[]): string {
  return toErrorText(uris.join(', '), MAX_URIS_CHARACTERS);
}
