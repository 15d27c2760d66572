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
export type NextTokenOptions = Pick<TokenSourceOptions, 'rejected' | 'scope' | 'interaction' | 'challenge' | 'stored'>;

/**
 * Returns the options for a token that the resource server may accept after it refused `token`, or `undefined` if there are none:
 *
 * - more scopes after an `insufficient_scope` that names them, with a 403 or a 401,
 * - another token after a 401 whose challenge has `invalid_token`,
 * - another token that needs no user, after every other 401: without a challenge, with one of another scheme, or with another error.
 *   RFC 9110 lets a client repeat the request, but nothing says that the token is the reason: many APIs answer so for a wrong tenant or
 *   a missing role, and a new login would change nothing.
 *
 * Without a `token` the request had none, so every 401 asks for one, and a user may be asked.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-3.1
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2
 */
export function optionsAfterRefusal(
  { status, headers }: Response,
  token: string | undefined,
): NextTokenOptions | undefined {
  if (status !== 401 && status !== 403) return undefined;
  const challenge = headers.get('www-authenticate') ?? undefined;
  const { errors, scope } = parseErrorsAndScope(challenge);
  if (errors.has('insufficient_scope'))
    return scope !== undefined && isScope(scope, MAX_CHALLENGED_SCOPE_CHARACTERS) ? { scope, challenge } : undefined;
  if (status !== 401) return undefined;
  if (token === undefined) return { challenge };
  return { rejected: token, challenge, ...(!errors.has('invalid_token') && { interaction: 'never' }) };
}

/** Returns the errors of all challenges in the header, and the first `scope`. */
function parseErrorsAndScope(header: string | undefined): { errors: Set<string>; scope: string | undefined } {
  const errors = new Set<string>();
  let scope: string | undefined;
  for (const [, name, quoted, plain] of (header ?? '').matchAll(CHALLENGE_PARAMETER)) {
    const key = name?.toLowerCase();
    const value = quoted ?? plain ?? '';
    if (key === 'error') errors.add(value);
    if (key === 'scope') scope ??= value;
  }
  return { errors, scope };
}
