/// <reference types="node" preserve="true" />
import type { TokenEndpointOptions } from '@oa/token-endpoint';
import type { RedirectHost } from './redirect.ts';

/** Where a person can paste the address that the browser ended on. */
export interface PasteStreams {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
}

/** How a person is led through a login. */
export interface LoginOptions extends TokenEndpointOptions {
  /**
   * `true` (the default) opens the browser of this machine, `false` only shows the URL. A function is called with the URL
   * instead; it is not waited for.
   */
  openBrowser?: boolean | ((url: string) => unknown) | undefined;
  /** The port to receive the callback on, or several to be tried in turn. A random one unless said otherwise. */
  port?: number | readonly number[] | undefined;
  /** The host of the redirect URI. An IP literal unless said otherwise (RFC 8252 section 8.3). */
  redirectHost?: RedirectHost | undefined;
  /** Milliseconds for the person to come back: 300,000 unless said otherwise. The token request has 30,000 of its own. */
  timeout?: number | undefined;
  /** Whether the address that the browser ended on can be pasted into the terminal. Yes, where stdin is one. */
  paste?: boolean | PasteStreams | undefined;
  /**
   * Shows a text to the person: the URL above all. It goes to stderr unless said otherwise. A program whose own user
   * interface shows what `onEvent` tells passes a function that does nothing.
   */
  print?: ((text: string) => unknown) | undefined;
  /**
   * Whether a person may be asked at all. `auto` (the default): where stdin or stderr is a terminal and `CI` is not set, or
   * where `openBrowser` is a function or `paste` are streams. Nobody to ask is `login_required`, at once.
   */
  interaction?: 'auto' | 'always' | 'never' | undefined;
}

/** What setTimeout can count. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

const NAMES: ReadonlySet<string> = new Set(
  'openBrowser port redirectHost timeout paste print interaction fetch signal now onEvent authentication'.split(' '),
);

/** A wrong option is a TypeError at once, before anything listens. */
export function checkOptions(options: LoginOptions): void {
  const unknown = Object.keys(options).find((name) => !NAMES.has(name));
  if (unknown !== undefined)
    throw new TypeError(`unknown option of a login: ${unknown}; expected one of ${[...NAMES].join(', ')}`);
  const { openBrowser = true, redirectHost = 'localhost', timeout = 1, paste = false, interaction = 'auto' } = options;
  if (!['boolean', 'function'].includes(typeof openBrowser))
    throw new TypeError('options.openBrowser has to be a boolean or a function that takes the URL');
  if (!['127.0.0.1', '[::1]', 'localhost'].includes(redirectHost))
    throw new TypeError("options.redirectHost has to be '127.0.0.1', '[::1]' or 'localhost'");
  if (!(timeout > 0 && timeout <= LONGEST_TIMEOUT))
    throw new TypeError(`options.timeout has to be milliseconds between 1 and ${LONGEST_TIMEOUT}`);
  if (typeof paste !== 'boolean' && !(paste.input !== undefined && paste.output !== undefined))
    throw new TypeError('options.paste has to be a boolean or { input, output }');
  if (!['auto', 'always', 'never'].includes(interaction))
    throw new TypeError("options.interaction has to be 'auto', 'always' or 'never'");
  const ports: unknown = portsOf(options);
  if (!Array.isArray(ports) || ports.length === 0 || !ports.every(isPort))
    throw new TypeError('options.port has to be a port number, or several in an array');
}

/** 0 is a random port. */
export function portsOf(options: LoginOptions, fallback: readonly number[] = [0]): readonly number[] {
  if (options.port === undefined) return fallback;
  return typeof options.port === 'number' ? [options.port] : options.port;
}

function isPort(port: unknown): boolean {
  return Number.isInteger(port) && Number(port) >= 0 && Number(port) <= 65_535;
}
