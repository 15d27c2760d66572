import { assertCompleteIssuer, isSecureUrl, OAuthError } from '@oa/types';
import { findPlaceholder } from '@oa/types/rfc';

const MAX_QUOTED_ISSUER_CHARACTERS = 200;

/**
 * Whether `text` can be an issuer identifier: an http(s) URL without query, fragment, user name and placeholder.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8414#section-2
 */
export function isIssuer(text: string): boolean {
  if (!/^https?:[\x21-\x7e]+$/i.test(text) || /[?#]/.test(text) || !URL.canParse(text)) return false;
  if (findPlaceholder(text) !== undefined) return false;
  const { username, password } = new URL(text);
  return username === '' && password === '';
}

/**
 * Parses an issuer, to build URLs below it. The issuer itself stays the string that the caller passed.
 *
 * @throws {OAuthError} `insecure_url` for plain http to a host that is not loopback, `metadata_not_found` for a placeholder
 * @throws {TypeError} if `issuer` can't be an issuer identifier
 */
export function toIssuerUrl(issuer: string): URL {
  if (isTemplate(issuer)) assertCompleteIssuer(issuer);
  if (typeof issuer !== 'string' || !URL.canParse(issuer))
    throw new TypeError('issuer must be an absolute URL such as "https://as.example".');
  const url = new URL(issuer);
  if (/^https?:$/.test(url.protocol) && !isIssuer(issuer))
    throw new TypeError('issuer must be a URL without query, fragment, user name and spaces.');
  if (isSecureUrl(url)) return url;
  throw new OAuthError(
    'insecure_url',
    `The issuer ${url.protocol}//${url.host} is not safe for secrets. Use https:, or http: to localhost, 127.0.0.1 or [::1].`,
  );
}

/** Whether `text` is to be completed to an http(s) URL. Other schemes are refused, whatever else is wrong. */
function isTemplate(text: unknown): text is string {
  return typeof text === 'string' && !(URL.canParse(text) && !/^https?:/i.test(text));
}

/** Quotes an issuer for an error message, whatever its length and characters. */
export function quoteIssuer(issuer: string): string {
  const text = issuer.replace(/[^\x21-\x7e]/g, '?');
  return `"${text.length > MAX_QUOTED_ISSUER_CHARACTERS ? `${text.slice(0, MAX_QUOTED_ISSUER_CHARACTERS)}...` : text}"`;
}
