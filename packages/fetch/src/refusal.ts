import type { TokenSourceOptions } from '@oa/types';
import { isScope } from '@oa/types/rfc';

/**
 * Matches `name=value` in a `WWW-Authenticate` header, the value quoted or not. Each word is matched from its start only, so that a
 * hostile header takes linear time. `parseChallenges` of `@oa/discovery` has the full grammar. This package reads two parameters, and
 * does not depend on it.
 */
const CHALLENGE_PARAMETER = /(?<![\w-])([\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g;

/** More than an API needs. The scopes and authentication contexts become part of the URL of a login. */
const MAX_CHALLENGED_SCOPE_CHARACTERS = 1000;

/** What the source is asked for: another token than `rejected`, a token that has `scope` too, or one of a new login. */
export type NextTokenOptions = Pick<
  TokenSourceOptions,
  'rejected' | 'scope' | 'acr_values' | 'max_age' | 'interaction' | 'challenge' | 'stored'
>;

/**
 * Returns the options for a token that the resource server may accept after it refused `token`, or `undefined` if there are none:
 *
 * - more scopes after an `insufficient_scope` that names them, with a 403 or a 401,
 * - the token of a new login after an `insufficient_user_authentication` that names what it must be like,
 * - another token after a 401 whose challenge has `invalid_token`,
 * - another token that needs no user, after every other 401: without a challenge, with one of another scheme, or with another error.
 *   RFC 9110 lets a client repeat the request, but nothing says that the token is the reason: many APIs answer so for a wrong tenant or
 *   a missing role, and a new login would change nothing.
 *
 * Without a `token` the request had none, so every 401 asks for one, and a user may be asked.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-3.1
 * @see https://www.rfc-editor.org/rfc/rfc9470#section-3
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2
 */
export function optionsAfterRefusal(
  { status, headers }: Response,
  token: string | undefined,
): NextTokenOptions | undefined {
  if (status !== 401 && status !== 403) return undefined;
  // Empty, not absent: without a challenge the source would request the resource again to find one.
  const challenge = headers.get('www-authenticate') ?? '';
  const { errors, scope, login } = parseRefusal(challenge);
  const first = status === 401 && token === undefined ? { challenge } : undefined;
  if (errors.has('insufficient_user_authentication'))
    return login === undefined ? first : { rejected: token, scope, challenge, ...login };
  if (errors.has('insufficient_scope')) return scope === undefined ? first : { scope, challenge };
  if (status !== 401 || first !== undefined) return first;
  return { rejected: token, challenge, ...(!errors.has('invalid_token') && { interaction: 'never' }) };
}

/** What the challenges of a refusal say. */
interface Refusal {
  errors: Set<string>;
  scope: string | undefined;
  /** What a new login must be like. */
  login: Pick<TokenSourceOptions, 'acr_values' | 'max_age'> | undefined;
}

/** Reads the errors of all challenges in the header, and the first value of every other parameter. One that is malformed counts as absent. */
function parseRefusal(header: string): Refusal {
  const errors = new Set<string>();
  const values = new Map<string, string>();
  for (const [, name = '', quoted, plain] of header.matchAll(CHALLENGE_PARAMETER)) {
    const key = name.toLowerCase();
    const value = quoted ?? plain ?? '';
    if (key === 'error') errors.add(value);
    else if (!values.has(key)) values.set(key, value);
  }
  const list = (name: string): string | undefined => {
    const value = values.get(name) ?? '';
    return isScope(value, MAX_CHALLENGED_SCOPE_CHARACTERS) ? value : undefined;
  };
  const acr_values = list('acr_values');
  const seconds = values.get('max_age') ?? '';
  const max_age = /^\d{1,9}$/.test(seconds) ? Number(seconds) : undefined;
  const login = acr_values === undefined && max_age === undefined ? undefined : { acr_values, max_age };
  return { errors, scope: list('scope'), login };
}
