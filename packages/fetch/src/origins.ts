import { isSecureUrl, OAuthError } from '@oa/types';

/**
 * Parses the option `origins`. `undefined` means every origin.
 *
 * @throws {TypeError} if it is not an array of http(s) origins
 */
export function parseOrigins(origins: readonly string[] | undefined): ReadonlySet<string> | undefined {
  if (origins === undefined) return undefined;
  if (!Array.isArray(origins)) throw new TypeError('options.origins must be an array such as ["https://api.example"].');
  return new Set(origins.map(parseOrigin));
}

function parseOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`)
    throw new TypeError(
      'options.origins must be an array of http(s) origins without a path, such as "https://api.example".',
    );
  return url.origin;
}

/**
 * Refuses a URL that is not http or https: it has no origin that a token could be sent to.
 *
 * @throws {OAuthError} `insecure_url`
 */
export function assertHttp({ protocol }: URL): void {
  if (protocol === 'https:' || protocol === 'http:') return;
  throw new OAuthError('insecure_url', `A URL with ${protocol} can't carry an access token. Use an https URL.`);
}

/**
 * Refuses to send a token unencrypted.
 *
 * @throws {OAuthError} `insecure_url`
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-5.3
 */
export function assertSecureOrigin(url: URL): void {
  if (isSecureUrl(url)) return;
  throw new OAuthError(
    'insecure_url',
    `The access token is not sent to ${url.origin}: only https, and plain http to a loopback host, are allowed. Use an https URL.`,
  );
}
