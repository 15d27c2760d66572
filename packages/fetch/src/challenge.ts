/**
 * `name=value` of a `WWW-Authenticate` header, the value quoted or not. Each word is looked at from its start only, so
 * that a hostile header costs linear time. (`parseChallenges` of `@oa/discovery` is the full grammar: this package
 * asks one question and stays alone.)
 */
const PARAMETER = /(?<![\w-])([\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g;

/**
 * Whether a new token may help: the challenge says `invalid_token`, or names no error at all
 * (RFC 6750 section 3.1: a request without authentication information gets no error code).
 */
export function asksForAnotherToken(header: string | null): boolean {
  for (const [, name, quoted, plain] of (header ?? '').matchAll(PARAMETER))
    if (name?.toLowerCase() === 'error') return (quoted ?? plain) === 'invalid_token';
  return true;
}
