/** The parts of a loopback redirect URI. */
export interface LoopbackUri {
  host: '127.0.0.1' | '[::1]' | 'localhost';
  /** 0 if the URI has no port: the client chooses one for each login. */
  port: number;
  /** Path and query, exactly as in the URI. */
  path: string;
}

/**
 * A path that begins with two slashes, or with what a browser reads as such, would send the browser to another host after the login.
 * Characters that are not printable must not reach a terminal or a header.
 */
const LOOPBACK_URI =
  /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(?::([1-9]\d{0,4}))?((?:[/?](?![/\\])[\x21\x22\x24-\x7e]*)?)$/;

/**
 * Parses a redirect URI that a native program can receive an authorization response on: http on a loopback host, with or without a port
 * and a path, and without a fragment. A path that browsers change, such as one with `..`, is none: the response would come to another one.
 *
 * @returns `undefined` if `uri` is no such URI
 * @see https://www.rfc-editor.org/rfc/rfc8252#section-7.3
 */
export function parseLoopbackUri(uri: string): LoopbackUri | undefined {
  const [, host, port = '0', path = ''] = LOOPBACK_URI.exec(uri) ?? [];
  if (host === undefined || !URL.canParse(uri)) return undefined;
  const { pathname } = new URL(uri);
  if (pathname !== (path.split('?', 1)[0] || '/')) return undefined;
  return { host: host as LoopbackUri['host'], port: Number(port), path };
}
