import { tokenKey, type TokenIdentity } from '@oa/token-cache';
import type { RequestParameters } from '@oa/types';
import { hasTwoSpellings } from '@oa/types/rfc';

/**
 * What an authorization request says about the login, and not about the token: whom to ask, how, and in which language. A call with a
 * `login_hint` and one without have the same session.
 *
 * @see https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
 */
const LOGIN_PARAMETERS: ReadonlySet<string> = new Set([
  'acr_values',
  'claims_locales',
  'display',
  'id_token_hint',
  'login_hint',
  'max_age',
  'prompt',
  'ui_locales',
]);

/** The keys that the token of `identity` may be stored under: first the key of today, then those of earlier versions. */
export function sessionKeys(identity: TokenIdentity): [key: string, ...formerKeys: string[]] {
  const { issuer, parameters } = identity;
  const kept = withoutLoginParameters(parameters);
  const key = tokenKey({ ...identity, parameters: kept });
  // Earlier versions stored a token under the spelling of the caller, and kept logins with other parameters apart.
  const spellings = hasTwoSpellings(issuer) ? [issuer, `${issuer}/`] : [issuer];
  const former = spellings.flatMap((spelling) =>
    (kept === parameters ? [kept] : [kept, parameters]).map((each) =>
      tokenKey({ ...identity, issuer: spelling, parameters: each }),
    ),
  );
  return [key, ...former.slice(1)];
}

function withoutLoginParameters(parameters: RequestParameters | undefined): RequestParameters | undefined {
  if (parameters === undefined || !Object.keys(parameters).some((name) => LOGIN_PARAMETERS.has(name)))
    return parameters;
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => !LOGIN_PARAMETERS.has(name)));
}
