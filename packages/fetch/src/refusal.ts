import type { TokenSourceOptions } from '@oa/types';
import { isScope } from '@oa/types/rfc';

/**
 * Matches `name=value` in a `WWW-Authenticate` header, the value quoted or not, and the scheme before it where a challenge begins. Each
 * word is matched from its start only, so that a hostile header takes linear time. `parseChallenges` of `@oa/discovery` has the full
 * grammar. This package reads a few parameters, and does not depend on it.
 */
const CHALLENGE_PARAMETER =
  /(?<![\w-])(?=[\w-])(?:(?<=(?:^|[,"])[ \t]*)([\w-]+)[ \t]+)?([\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g;

/** The schemes of tokens (RFC 6750, RFC 9449). What a challenge of another scheme asks for is no token. */
const TOKEN_SCHEME = /^(?:bearer|dpop)$/i;

/** RFC 9449 sections 7.1 and 9. */
const PROOF_ERRORS: ReadonlySet<string | undefined> = new Set(['use_dpop_nonce', 'invalid_dpop_proof']);

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
  const challenges = parseTokenChallenges(challenge);
  const withError = (code: string): ChallengeParameters[] =>
    challenges.filter((parameters) => parameters.get('error') === code);
  const first = status === 401 && token === undefined ? { challenge } : undefined;
  const stepUp = withError('insufficient_user_authentication');
  if (stepUp.length > 0) {
    const login = toDemandedLogin(stepUp);
    return login === undefined ? first : { rejected: token, scope: firstListOf(stepUp, 'scope'), challenge, ...login };
  }
  const narrow = withError('insufficient_scope');
  if (narrow.length > 0) {
    const scope = firstListOf(narrow, 'scope');
    return scope === undefined ? first : { scope, challenge };
  }
  if (status !== 401 || first !== undefined) return first;
  const isInvalid = withError('invalid_token').length > 0;
  return { rejected: token, challenge, ...(!isInvalid && { interaction: 'never' }) };
}

/**
 * Whether the resource server refused the proof of a DPoP token, and not the token.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9449#section-9
 */
export function isProofRefused({ status, headers }: Response): boolean {
  return (
    status === 401 &&
    parseTokenChallenges(headers.get('www-authenticate') ?? '').some((parameters) =>
      PROOF_ERRORS.has(parameters.get('error')),
    )
  );
}

/** The parameters of one challenge, by lower-case name. */
type ChallengeParameters = ReadonlyMap<string, string>;

/** The challenges for tokens in the header. Parameters before the first scheme count as those of one. The first value of each counts. */
function parseTokenChallenges(header: string): ChallengeParameters[] {
  let current = new Map<string, string>();
  const challenges = [current];
  for (const [, scheme, name = '', quoted, plain] of header.matchAll(CHALLENGE_PARAMETER)) {
    if (scheme !== undefined) {
      current = new Map();
      if (TOKEN_SCHEME.test(scheme)) challenges.push(current);
    }
    const key = name.toLowerCase();
    if (!current.has(key)) current.set(key, quoted ?? plain ?? '');
  }
  return challenges;
}

/** What a new login must be like. */
function toDemandedLogin(
  challenges: readonly ChallengeParameters[],
): Pick<TokenSourceOptions, 'acr_values' | 'max_age'> | undefined {
  const acr_values = firstListOf(challenges, 'acr_values');
  const seconds = firstValueOf(challenges, 'max_age');
  const max_age = /^\d{1,9}$/.test(seconds) ? Number(seconds) : undefined;
  return acr_values === undefined && max_age === undefined ? undefined : { acr_values, max_age };
}

/** A list of words. An empty or malformed one counts as absent. */
function firstListOf(challenges: readonly ChallengeParameters[], name: string): string | undefined {
  const value = firstValueOf(challenges, name);
  return value.trim() !== '' && isScope(value, MAX_CHALLENGED_SCOPE_CHARACTERS) ? value : undefined;
}

function firstValueOf(challenges: readonly ChallengeParameters[], name: string): string {
  return challenges.find((parameters) => parameters.has(name))?.get(name) ?? '';
}
