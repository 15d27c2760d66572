import { LOOPBACK_HOSTS } from './loopback-host.ts';

/** The path of a redirect URI that is the same at every server. */
const DOCUMENT_CALLBACK_PATH = '/callback';
/** With more ports a document may have no room for its other members: servers may read 5,120 bytes only. */
const MAX_DOCUMENT_PORTS = 40;

/**
 * The redirect URIs in the client metadata document of a program: `/callback` on each loopback host and port.
 *
 * @param ports `undefined` for redirect URIs without a port
 * @param name what has the ports, for the error
 * @throws {TypeError} if `ports` is not an array of 1 to 40 port numbers
 * @see https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document/
 */
export function documentRedirectUris(ports: readonly number[] | undefined, name: string): string[] {
  if (ports === undefined) return LOOPBACK_HOSTS.map((host) => `http://${host}${DOCUMENT_CALLBACK_PATH}`);
  if (!Array.isArray(ports) || ports.length === 0 || !ports.every(isFixedPort))
    throw new TypeError(
      `${name} must be a non-empty array of port numbers from 1 to 65535. Leave it out for a random port at servers that allow any.`,
    );
  const named = [...new Set<number>(ports)];
  if (named.length > MAX_DOCUMENT_PORTS)
    throw new TypeError(
      `${name} must have at most ${MAX_DOCUMENT_PORTS} ports, and has ${named.length}: servers may refuse a larger document.`,
    );
  return named.flatMap((port) => LOOPBACK_HOSTS.map((host) => `http://${host}:${port}${DOCUMENT_CALLBACK_PATH}`));
}

function isFixedPort(port: unknown): boolean {
  return Number.isInteger(port) && Number(port) >= 1 && Number(port) <= 65_535;
}
