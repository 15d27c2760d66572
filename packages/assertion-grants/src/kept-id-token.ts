import { isOAuthError, OAuthError, type AssertionSource, type Token, type TokenSource } from '@oa/types';

/**
 * Makes a source of the ID token of a login that is kept, such as a session of `@oa/manager`. The session is renewed where the ID token
 * has expired, or where the server refused it. The manager does this once for all processes.
 *
 * @param source such as `manager.source(issuer, credentials)`. The login must have the scope `openid`.
 * @throws {TypeError} if `source` is not a function
 * @see https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokenResponse
 * @example
 * ```ts
 * const subject = keptIdToken(manager.source('https://idp.example', { client_id: 'my-id', scope: 'openid offline_access' }));
 * ```
 */
export function keptIdToken(source: TokenSource): AssertionSource {
  if (typeof source !== 'function') throw new TypeError('source must be a function that resolves with a token.');
  return async ({ signal, rejected }) => {
    const kept = await source({ signal });
    if (rejected === undefined || kept['id_token'] !== rejected) return idTokenIn(kept);
    const renewed = await source({ signal, rejected: kept.access_token }).catch((error: unknown) => {
      // The session is seconds old, so another ID token would be refused too. The refusal says why.
      if (isOAuthError(error) && error.code === 'token_rejected') return undefined;
      throw error;
    });
    if (renewed === undefined) return rejected;
    const id_token = idTokenIn(renewed);
    if (id_token !== rejected) return id_token;
    throw new OAuthError(
      'login_required',
      'The provider renewed the login without a new ID token, and the old one can not be used any more. Log in again.',
    );
  };
}

function idTokenIn({ id_token }: Token): string {
  if (typeof id_token === 'string' && id_token !== '') return id_token;
  throw new OAuthError('assertion_unavailable', 'The login has no ID token. Log in with the scope openid.');
}
