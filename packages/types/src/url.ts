/**
 * RFC 8252 section 8.3 and OAuth 2.1 section 1.5 allow plain http on the loopback interface, and name these hosts. The rest of
 * 127.0.0.0/8 is loopback on Linux only, and names such as `localhost.` or `x.localhost` may be resolved by a DNS server.
 */
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether a secret may be sent to `url`: over https, or over plain http to `localhost`, `127.0.0.1` or `[::1]` (RFC 8414 section 2). */
export function isSecureUrl(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname));
}
