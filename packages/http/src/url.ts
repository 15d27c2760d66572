import { isSecureUrl, OAuthError } from '@oa/types';

const MAX_URL_CHARACTERS = 200;

/**
 * Parses the URL of an endpoint, and refuses it if it is not safe for secrets (RFC 6749 section 3.2, RFC 8414 section 2).
 *
 * @throws {OAuthError} `insecure_url`
 * @throws {TypeError} if `url` is not a string
 */
export function parseSecureUrl(url: string): URL {
  if (typeof url !== 'string') throw new TypeError('url must be a string.');
  if (!URL.canParse(url)) throw new OAuthError('insecure_url', 'The address is not a URL. Use an absolute https URL.');
  const parsed = new URL(url);
  if (parsed.username !== '' || parsed.password !== '')
    throw new OAuthError(
      'insecure_url',
      `The URL of ${toDisplayUrl(parsed)} has a user name or a password, so it is not used. Remove them.`,
    );
  if (isSecureUrl(parsed)) return parsed;
  throw new OAuthError(
    'insecure_url',
    `${toDisplayUrl(parsed)} is not safe for secrets. Use https:, or http: to localhost, 127.0.0.1 or [::1].`,
  );
}

/** Returns the part of a URL that an error or event may show. It leaves out the query, which can contain a code or a token. */
export function toDisplayUrl(url: URL): string {
  // All of a data: URL is content.
  if (url.host === '') return `${url.protocol}...`;
  const text = `${url.protocol}//${url.host}${url.pathname}`;
  return text.length > MAX_URL_CHARACTERS ? `${text.slice(0, MAX_URL_CHARACTERS)}...` : text;
}
