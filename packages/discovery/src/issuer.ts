import { isSecureUrl, OAuthError } from '@oa/types';

/** Whether `text` can be an issuer identifier: an http(s) URL without query, fragment and user name (RFC 8414 section 2). */
export function isIssuer(text: string): boolean {
  if (!/^https?:[\x21-\x7e]+$/i.test(text) || /[?#]/.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username === '' && password === '';
}

/**
 * The URL in `issuer`, to build others from. The issuer itself stays the string that the caller gave.
 *
 * @throws `TypeError` for what can't be an issuer, `insecure_url` for plain http to a host that is not loopback
 */
export function issuerUrl(issuer: string): URL {
  if (typeof issuer !== 'string' || !URL.canParse(issuer))
    throw new TypeError('issuer must be an absolute URL such as "https://as.example"');
  const url = new URL(issuer);
  if (/^https?:$/.test(url.protocol) && !isIssuer(issuer))
    throw new TypeError('issuer must be a URL without query, fragment, user name and spaces');
  if (isSecureUrl(url)) return url;
  throw new OAuthError(
    'insecure_url',
    `The issuer ${url.protocol}//${url.host} is not safe for secrets; expected https:, or http: to localhost, 127.0.0.1 or [::1].`,
  );
}

/** An issuer as an error message may show it, however long and odd. */
export function shown(issuer: string): string {
  const text = issuer.replace(/[^\x21-\x7e]/g, '?');
  return `"${text.length > 200 ? `${text.slice(0, 200)}...` : text}"`;
}
