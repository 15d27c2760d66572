import { isOAuthError, type Token, type TokenSource, type TokenSourceOptions } from '@oa/types';
import { mergeScopes } from '@oa/types/rfc';
import { needsUser, type GrantType } from './grant-type.ts';
import type { ManagerOptions } from './options.ts';
import { isPlain } from './recall.ts';

/**
 * How often a resource server may ask one source for more scopes. Each time can be a login and stores another token, so a server that
 * asks for something else in every answer must not go on for ever.
 */
const MAX_STEP_UPS = 20;

/**
 * The scopes that a resource server may choose. Without a user who consents to them it chooses none, unless the program lists them:
 * otherwise any API that a job calls could have the token of the job widened, and receive it.
 */
export function permittedScopes(
  { stepUp = 'user' }: Pick<ManagerOptions, 'stepUp'>,
  grant_type: GrantType,
  scope: string | undefined,
): string | undefined {
  if (scope === undefined || stepUp === false) return undefined;
  if (stepUp === 'user') return needsUser(grant_type) ? scope : undefined;
  const permitted = scope.split(' ').filter((each) => stepUp.includes(each));
  return permitted.length === 0 ? undefined : permitted.join(' ');
}

/** Whether a resource server has asked for another login (RFC 9470 section 3). */
export function asksForLogin({ acr_values, max_age }: TokenSourceOptions): boolean {
  return hasAuthenticationContext(acr_values) || max_age !== undefined;
}

/** Whether there are `acr_values`. Empty ones are as none. */
export function hasAuthenticationContext(acr_values: string | undefined): boolean {
  return acr_values !== undefined && acr_values.trim() !== '';
}

/**
 * A source that keeps the scopes that a resource server has asked for (RFC 6750 section 3.1, `insufficient_scope`): every later token
 * of this source has them too. The same challenge is answered once, so that a user is not asked again and again.
 *
 * @param peek the token that the source would return, if it is in memory
 */
export function withStepUp(source: TokenSource, peek: () => Token | undefined): TokenSource {
  /** The challenges whose scopes every token has, besides those that the source had before the first one. */
  const kept = new Set<string>();
  let base: string | undefined;
  let last: Token | undefined;
  const answered = new Set<string>();
  const ask: TokenSource = async ({ scope: challenge, ...wanted } = {}) => {
    const isNew = challenge !== undefined && !answered.has(challenge) && answered.size < MAX_STEP_UPS;
    if (isNew) {
      answered.add(challenge);
      if (kept.size === 0) base = last?.scope;
      kept.add(challenge);
    }
    try {
      last = await source(kept.size === 0 ? wanted : { ...wanted, scope: [...kept].reduce(mergeScopes, base) });
      return last;
    } catch (error) {
      // Refused scopes must not stand in the way of the tokens that the source had before. A failure that may pass is tried again.
      if (isNew) kept.delete(challenge);
      if (isNew && isOAuthError(error) && error.retryable) answered.delete(challenge);
      throw error;
    }
  };

  return (wanted) => {
    const known = kept.size === 0 && isPlain(wanted) ? peek() : undefined;
    if (known === undefined) return ask(wanted);
    last = known;
    return Promise.resolve(known);
  };
}
