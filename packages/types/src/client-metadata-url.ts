import { isLoopbackHost } from './loopback-host.ts';

/** A segment of the path that is `.` or `..`, also with encoded dots. */
const DOT_SEGMENT = /^[^?]*\/(?:\.|%2e){1,2}(?=[/?]|$)/i;

/**
 * Refuses a URL that can't identify a client by its metadata document: it needs https and a path, and must not have a fragment, a dot
 * segment, a user name or a password. Plain http is for a server on loopback.
 *
 * Servers compare the URL byte for byte, so it must be in its normal form too.
 *
 * @param name the option that has the URL, for the error
 * @throws {TypeError} that says what is wrong with the URL
 * @see https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document/
 */
export function assertClientMetadataUrl(url: unknown, name: string): asserts url is string {
  const reason = reasonNoDocumentUrl(url);
  if (reason !== undefined)
    throw new TypeError(
      `${name} must be the https URL of a client metadata document, such as https://tool.example/client.json. ${reason}`,
    );
}

function reasonNoDocumentUrl(text: unknown): string | undefined {
  if (typeof text !== 'string' || !URL.canParse(text)) return 'It is no absolute URL.';
  const { protocol, hostname, username, password, pathname, href } = new URL(text);
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopbackHost(hostname))) return 'It does not use https.';
  if (username !== '' || password !== '') return 'It has a user name or a password.';
  if (text.includes('#')) return 'It has a fragment.';
  if (DOT_SEGMENT.test(text)) return 'Its path has a dot segment.';
  if (pathname === '/') return 'It has no path.';
  return href === text ? undefined : `Write it as ${href}, since servers compare it byte for byte.`;
}
