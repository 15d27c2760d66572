/**
 * The hosts of a loopback redirect URI, the preferred one first. IP literals are preferred (section 8.3).
 *
 * @see https://www.rfc-editor.org/rfc/rfc8252#section-7.3
 */
export const LOOPBACK_HOSTS = ['127.0.0.1', '[::1]', 'localhost'] as const;

/**
 * Whether `hostname`, in the form of `URL.hostname`, is a loopback host: `127.0.0.1`, `[::1]` or `localhost`.
 *
 * RFC 8252 section 8.3 and OAuth 2.1 section 1.5 name only these. The rest of 127.0.0.0/8 is loopback on Linux only. A DNS server may
 * resolve names such as `localhost.` and `x.localhost`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8252#section-8.3
 */
export function isLoopbackHost(hostname: string): boolean {
  return (LOOPBACK_HOSTS as readonly string[]).includes(hostname);
}
