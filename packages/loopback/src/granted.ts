import type { AuthorizationServer, OAuthEvent, RequestParameters, Token } from '@oa/types';
import { asksForScope } from '@oa/types/rfc';

/** A server may leave out the scope that was asked for (RFC 6749 section 5.1). The token then says it all the same. */
export function withRequestedScope(token: Token, { scope }: RequestParameters): Token {
  return token.scope === undefined && typeof scope === 'string' && scope !== '' ? { ...token, scope } : token;
}

/** Tells that the user must log in again soon. Servers drop `offline_access` without an error (OpenID Connect Core section 11). */
export function tellMissingRefreshToken(
  token: Token,
  parameters: RequestParameters,
  { issuer }: AuthorizationServer,
  emit: (event: OAuthEvent) => void,
): void {
  if (token.refresh_token !== undefined || !asksForScope(parameters, 'offline_access')) return;
  emit({
    type: 'refresh_token_missing',
    issuer,
    ...(token.expires_in !== undefined && { expires_in: token.expires_in }),
  });
}
