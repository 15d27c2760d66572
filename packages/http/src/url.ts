import { isSecureUrl, OAuthError } from '@oa/types';

/** Parses `url`, or rejects it: a secret may be sent there (RFC 6749 section 3.2, RFC 8414 section 2). */
export function secureUrl(url: string): URL {
  if (typeof url !== 'string') throw new TypeError('url must be a string');
  if (!URL.canParse(url))
    throw new OAuthError('insecure_url', 'The address is not a URL; expected an absolute https: URL.');
  const parsed = new URL(url);
  if (parsed.username !== '' || parsed.password !== '')
    throw new OAuthError('insecure_url', `${shown(parsed)}: a URL with a user name or password is not used.`);
  if (isSecureUrl(parsed)) return parsed;
  throw new OAuthError(
    'insecure_url',
    `${shown(parsed)} is not safe for secrets; expected https:, or http: to localhost, 127.0.0.1 or [::1].`,
  );
}

/** What an error or event may say of a URL: no query, since that is where codes and tokens end up by mistake. */
export function shown(url: URL): string {
  const text = `${url.protocol}//${url.host}${url.pathname}`;
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
