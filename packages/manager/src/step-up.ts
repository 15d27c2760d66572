import type { Token, TokenSource } from '@oa/types';
import { mergeScopes } from '@oa/types/rfc';

/**
 * How often a resource server may ask one source for more scopes. Each time can be a login and stores another token, so a server that
 * asks for something else in every answer must not go on for ever.
 */
const MAX_STEP_UPS = 20;

/**
 * A source that keeps the scopes that a resource server has asked for (RFC 6750 section 3.1, `insufficient_scope`): every later token
 * of this source has them too.
 */
export function withStepUp(source: TokenSource): TokenSource {
  let scope: string | undefined;
  let last: Token | undefined;
  let stepUps = 0;
  return async (wanted = {}) => {
    if (wanted.scope !== undefined && stepUps < MAX_STEP_UPS) {
      const wider = mergeScopes(scope ?? last?.scope, wanted.scope);
      if (wider !== scope) stepUps += 1;
      scope = wider;
    }
    last = await source(scope === undefined ? wanted : { ...wanted, scope });
    return last;
  };
}
