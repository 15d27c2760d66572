/// <reference types="node" preserve="true" />
import { MAX_TIMER_MS } from '@oa/mechanisms';
import type { TokenEndpointOptions } from '@oa/token-endpoint';
import { isLoopbackHost, isResourceIndicator } from '@oa/types/rfc';
import type { CustomPage } from './page.ts';
import { isPort, toPorts, type RedirectHost } from './redirect.ts';

/** The streams that the user can paste an address into. */
export interface PasteStreams {
  /** The stream that the pasted address is read from. */
  input: NodeJS.ReadableStream;
  /** The stream that the line editor writes to. */
  output: NodeJS.WritableStream;
}

export const DEFAULT_LOGIN_TIMEOUT_MS = 300_000;
/** As for every request. */
export const DEFAULT_REQUEST_TIMEOUT_MS = 30_000;

/** The options of {@link login}. */
export interface LoginOptions extends TokenEndpointOptions {
  /**
   * `true` opens the browser of this machine, `false` only prints the URL. A function is called instead with the address that the browser
   * must open: a one-time address of this login, which redirects to the server. The login does not wait for the function.
   *
   * @default true
   */
  openBrowser?: boolean | ((url: string) => unknown) | undefined;
  /**
   * The port to receive the callback on, or several to try in turn. 0 is a random port.
   *
   * A page that another program once served on the same port may have left a service worker in the browser. The service worker sees the
   * start address and the callback. Prefer a random port. If the server needs a fixed one, choose one that no other program uses.
   *
   * @default the ports of the client's `redirect_uris`; a random port where one of them has none
   */
  port?: number | readonly number[] | undefined;
  /**
   * The host of the redirect URI.
   *
   * @default '127.0.0.1', or '[::1]' if that is not available (RFC 8252 section 8.3)
   */
  redirectHost?: RedirectHost | undefined;
  /**
   * The name of the program that the pages in the browser show.
   *
   * @default the `client_name` of the client, otherwise "the program"
   */
  app?: string | undefined;
  /**
   * Returns the HTML of the pages that the browser ends on, for a design or a language of the program. The texts that it receives are
   * plain and may come from the server: escape them. The page may have inline styles, but no scripts, and it can load nothing.
   *
   * @default a page in English
   */
  page?: CustomPage | undefined;
  /**
   * The time for the user to log in, in milliseconds. A pushed request has no more.
   *
   * @default 300_000
   */
  timeout?: number | undefined;
  /**
   * The time for each request of this program to the server, in milliseconds: the pushed request and the token request.
   *
   * @default 30_000
   */
  requestTimeout?: number | undefined;
  /**
   * Whether the user can paste the address that the browser ended on. Streams are used instead of stdin and stderr.
   *
   * @default whether stdin is a terminal
   */
  paste?: boolean | PasteStreams | undefined;
  /**
   * Shows a text to the user, most importantly the URL. A program that shows the events of `onEvent` in its own user interface passes
   * a function that does nothing.
   *
   * @default writes to stderr, and leaves one line of it on a terminal when the login has succeeded
   */
  print?: ((text: string) => unknown) | undefined;
  /**
   * Whether the login may ask the user. `auto`: if stdin or stderr is a terminal and `CI` is not set, or if `openBrowser` is a function
   * or `paste` are streams. Otherwise the login rejects with `login_required` at once.
   *
   * @default 'auto'
   */
  interaction?: 'auto' | 'always' | 'never' | undefined;
  /**
   * Whether the parameters of the login are sent to the server before the browser opens (RFC 9126), so that the URL does not have them.
   * `auto`: if the server has an endpoint for that. The login ends with an error of that endpoint, except for a 404 or 405. `require`: always,
   * else the login ends with `endpoint_missing`. `never`: only if the server accepts no other logins.
   *
   * @default 'auto'
   */
  par?: 'auto' | 'require' | 'never' | undefined;
  /**
   * Resources that the authorization request names besides `parameters.resource`. The token is for `parameters.resource` alone, and its refresh
   * token can give tokens for these too, where the server follows RFC 8707.
   *
   * @see https://www.rfc-editor.org/rfc/rfc8707#section-2.2
   */
  furtherResources?: readonly string[] | undefined;
  /**
   * Whether to refuse a server that lists no PKCE methods in its metadata, with `pkce_unsupported`. One that lists other methods than S256 only
   * is always refused.
   *
   * @default false
   */
  requirePkce?: boolean | undefined;
}

const LOGIN_OPTION_NAMES: ReadonlySet<string> = new Set(
  'openBrowser port redirectHost app page timeout requestTimeout paste print interaction par furtherResources requirePkce fetch signal now onEvent authentication bearerTypes'.split(
    ' ',
  ),
);

/**
 * Rejects wrong options before anything listens.
 *
 * @throws {TypeError} if an option is unknown or has a wrong value
 */
export function assertLoginOptions(options: LoginOptions): void {
  const unknown = Object.keys(options).find((name) => !LOGIN_OPTION_NAMES.has(name));
  if (unknown !== undefined)
    throw new TypeError(
      `options.${unknown} is unknown. The options of a login are ${[...LOGIN_OPTION_NAMES].join(', ')}.`,
    );
  const { openBrowser = true, redirectHost = 'localhost', paste = false, interaction = 'auto' } = options;
  const { par = 'auto', furtherResources = [], requirePkce = false } = options;
  if (!['boolean', 'function'].includes(typeof openBrowser))
    throw new TypeError('options.openBrowser must be a boolean, or a function that takes the URL.');
  if (!['undefined', 'string'].includes(typeof options.app)) throw new TypeError('options.app must be a string.');
  if (!['undefined', 'function'].includes(typeof options.page))
    throw new TypeError('options.page must be a function that returns HTML.');
  if (!isLoopbackHost(redirectHost))
    throw new TypeError("options.redirectHost must be '127.0.0.1', '[::1]' or 'localhost'.");
  for (const name of ['timeout', 'requestTimeout'] as const) {
    const { [name]: milliseconds = 1 } = options;
    if (!(milliseconds > 0 && milliseconds <= MAX_TIMER_MS))
      throw new TypeError(`options.${name} must be a number of milliseconds from 1 to ${MAX_TIMER_MS}.`);
  }
  if (typeof paste !== 'boolean' && !(paste.input !== undefined && paste.output !== undefined))
    throw new TypeError('options.paste must be a boolean, or { input, output }.');
  if (!['auto', 'always', 'never'].includes(interaction))
    throw new TypeError("options.interaction must be 'auto', 'always' or 'never'.");
  if (!['auto', 'require', 'never'].includes(par))
    throw new TypeError("options.par must be 'auto', 'require' or 'never'.");
  if (!Array.isArray(furtherResources) || !furtherResources.every((each) => isResourceIndicator(each)))
    throw new TypeError('options.furtherResources must be an array of absolute URLs without a fragment.');
  if (typeof requirePkce !== 'boolean') throw new TypeError('options.requirePkce must be a boolean.');
  const ports: unknown = toPorts(options.port, [0]);
  if (!Array.isArray(ports) || ports.length === 0 || !ports.every(isPort))
    throw new TypeError('options.port must be a port number, or a non-empty array of port numbers.');
}
