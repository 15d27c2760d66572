import { isSecureUrl, OAuthError } from '@oa/types';

/** Reads the option `origins`. `undefined`: the token goes wherever the caller sends a request. */
export function readOrigins(origins: readonly string[] | undefined): ReadonlySet<string> | undefined {
  if (origins === undefined) return undefined;
  if (!Array.isArray(origins)) throw new TypeError('origins must be an array such as ["https://api.example"]');
  return new Set(origins.map(readOrigin));
}

function readOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`)
    throw new TypeError('each of origins must be an http(s) origin without a path, such as "https://api.example"');
  return url.origin;
}

/** Throws `insecure_url` where a token would travel in the clear (RFC 6750 section 5.3). */
export function assertSecure(origin: string): void {
  if (isSecureUrl(new URL(origin))) return;
  throw new OAuthError(
    'insecure_url',
    `The access token is not sent to ${origin}: it travels over https, and over plain http to a loopback host only. Use an https URL.`,
  );
}
