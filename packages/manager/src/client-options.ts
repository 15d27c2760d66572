import { assertClientMetadataUrl, documentRedirectUris } from '@oa/types/rfc';
import type { ManagerOptions } from './options.ts';

/** The options that say how the program becomes a client of a server that it has no `client_id` of. */
type ClientOptions = Pick<ManagerOptions, 'clientMetadata' | 'initialAccessToken' | 'login'>;

/** @throws {TypeError} that names the option, if one can't be used */
export function assertClientOptions({ clientMetadata, initialAccessToken, login }: ClientOptions): void {
  // The error does not show the token.
  if (initialAccessToken !== undefined && !isBearerToken(initialAccessToken))
    throw new TypeError(
      'options.initialAccessToken must be a string of printable ASCII characters without spaces. If it comes from an environment variable, is the variable set?',
    );
  if (clientMetadata !== undefined) assertClientMetadata(clientMetadata, login?.port);
}

function assertClientMetadata(
  clientMetadata: ManagerOptions['clientMetadata'] & object,
  loginPort: (ManagerOptions['login'] & object)['port'],
): void {
  if (typeof clientMetadata !== 'object' || clientMetadata === null)
    throw new TypeError('options.clientMetadata must be an object such as { url, ports }.');
  const { url, ports, ...others } = clientMetadata;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new TypeError(`options.clientMetadata has no member ${unknown}. Use url and ports.`);
  assertClientMetadataUrl(url, 'options.clientMetadata.url');
  documentRedirectUris(ports, 'options.clientMetadata.ports');
  if (ports === undefined) return;
  const asked = loginPort === undefined ? [] : [loginPort].flat();
  if (!asked.every((port) => ports.includes(port)))
    throw new TypeError(
      'options.login.port must be one of options.clientMetadata.ports. Leave it out: a login with the document uses these ports.',
    );
}

/** RFC 6750 section 2.1. */
function isBearerToken(value: unknown): boolean {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
}
