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
 * Refuses to send a token unencrypted.
 *
 * @throws {OAuthError} `insecure_url`
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-5.3
 */
export function assertSecureOrigin(origin: string): void {
  if (isSecureUrl(new URL(origin))) return;
  throw new OAuthError(
    'insecure_url',
    `The access token is not sent to ${origin}: only https, and plain http to a loopback host, are allowed. Use an https URL.`,
  );
}
