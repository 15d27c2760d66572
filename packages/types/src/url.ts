import { isLoopbackHost } from './rfc.ts';

/**
 * Whether a secret may be sent to `url`: over https, or over plain http to `localhost`, `127.0.0.1` or `[::1]`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8252#section-8.3
 */
export function isSecureUrl(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname));
}
