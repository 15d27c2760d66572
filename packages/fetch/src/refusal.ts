import type { TokenSourceOptions } from '@oa/types';
import { isScope } from '@oa/types/rfc';

/**
 * Matches `name=value` in a `WWW-Authenticate` header, the value quoted or not. Each word is matched from its start only, so that a
 * hostile header takes linear time. `parseChallenges` of `@oa/discovery` has the full grammar. This package reads two parameters, and
 * does not depend on it.
 */
const CHALLENGE_PARAMETER = /(?<![\w-])([\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g;

/** More than an API needs. The scopes become part of the URL of a login. */
const MAX_CHALLENGED_SCOPE_CHARACTERS = 1000;

/** What the source is asked for: another token than `rejected`, or a token that has `scope` too. */
export type NextTokenOptions = Pick<TokenSourceOptions, 'rejected' | 'scope' | 'interaction'>;

/**
 * Returns the options for a token that the resource server may accept after it refused `token`, or `undefined` if there are none:
 *
 * - another token after a 401 whose challenge has `invalid_token`,
 * - another token that needs no user, after a 401 whose challenge has no error. It does not say that the token is the reason: many APIs
 *   answer so for a wrong tenant or a missing role, and a new login would change nothing,
 * - more scopes after an `insufficient_scope` that names them.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-3.1
 */
export function optionsAfterRefusal({ status, headers }: Response, token: string): NextTokenOptions | undefined {
  if (status !== 401 && status !== 403) return undefined;
  const { error, scope } = parseErrorAndScope(headers.get('www-authenticate'));
  if (error === 'insufficient_scope' && scope !== undefined && isScope(scope, MAX_CHALLENGED_SCOPE_CHARACTERS))
    return { scope };
  if (status !== 401) return undefined;
  if (error === undefined) return { rejected: token, interaction: 'never' };
  return error === 'invalid_token' ? { rejected: token } : undefined;
}

/** Returns the first `error` and the first `scope` in the header. */
function parseErrorAndScope(header: string | null): { error?: string; scope?: string } {
  const found: { error?: string; scope?: string } = {};
  for (const [, name, quoted, plain] of (header ?? '').matchAll(CHALLENGE_PARAMETER)) {
    const key = name?.toLowerCase();
    if (key === 'error' || key === 'scope') found[key] ??= quoted ?? plain ?? '';
  }
  return found;
}
