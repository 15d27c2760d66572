import type { OAuthError } from '@oa/types';
import { JWT_BEARER_GRANT_TYPE } from '@oa/types/rfc';

/**
 * Whether the error of a server is about the assertion of a grant, so that another assertion can help.
 *
 * RFC 8693 section 2.2.2: the error of a token exchange is `invalid_request` if a token is invalid for any reason, or unacceptable. Without a
 * text, or with one about a token, it can be that. Keycloak answers `invalid_token`.
 *
 * @param grant_type the one of {@link jwtBearer} or of {@link exchangeToken}
 * @see https://www.rfc-editor.org/rfc/rfc7523#section-3.1
 * @see https://www.rfc-editor.org/rfc/rfc8693#section-2.2.2
 */
export function isAssertionRefused(
  { error, error_description = '' }: Pick<OAuthError, 'error' | 'error_description'>,
  grant_type: string,
): boolean {
  if (error === 'invalid_grant') return true;
  if (grant_type === JWT_BEARER_GRANT_TYPE) return false;
  if (error === 'invalid_token') return true;
  const text = error_description.replace(/\w*token_type\w*|token.exchange/gi, '');
  return (
    error === 'invalid_request' && (error_description === '' || /token|jwt|assertion|expired|signature/i.test(text))
  );
}
