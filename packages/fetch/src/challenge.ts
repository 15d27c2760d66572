import type { TokenSourceOptions } from '@oa/types';

/**
 * `name=value` of a `WWW-Authenticate` header, the value quoted or not. Each word is looked at from its start only, so
 * that a hostile header costs linear time. (`parseChallenges` of `@oa/discovery` is the full grammar: this package
 * asks two questions and stays alone.)
 */
const PARAMETER = /(?<![\w-])([\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g;

/** Scopes as RFC 6749 section 3.3 writes them, and not more than an API needs: what is asked for goes into a login's URL. */
const SCOPES = /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,1000}$/;

/** What the next token has to be: another one than `rejected`, or one with `scope` besides. */
export type Need = Pick<TokenSourceOptions, 'rejected' | 'scope'>;

/**
 * What would help against a refusal of `token` (RFC 6750 section 3.1), if anything can: another token after a 401 whose challenge
 * says `invalid_token` or names no error at all (a request without authentication information gets no error code), and more scopes after
 * `insufficient_scope` that names them.
 */
export function needAfter({ status, headers }: Response, token: string): Need | undefined {
  if (status !== 401 && status !== 403) return undefined;
  const { error, scope } = parametersOf(headers.get('www-authenticate'));
  if (error === 'insufficient_scope' && scope !== undefined && SCOPES.test(scope)) return { scope };
  return status === 401 && (error === undefined || error === 'invalid_token') ? { rejected: token } : undefined;
}

/** The first `error` and the first `scope`. */
function parametersOf(header: string | null): { error?: string; scope?: string } {
  const found: { error?: string; scope?: string } = {};
  for (const [, name, quoted, plain] of (header ?? '').matchAll(PARAMETER)) {
    const key = name?.toLowerCase();
    if (key === 'error' || key === 'scope') found[key] ??= quoted ?? plain ?? '';
  }
  return found;
}
