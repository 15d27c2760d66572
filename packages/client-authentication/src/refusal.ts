import type { OAuthError } from '@oa/types';
import { isClientMissing } from './client-missing.ts';

/** Besides `invalid_client`: GitHub answers `incorrect_client_credentials`, Slack `bad_client_secret`, Google `deleted_client`. */
const CLIENT_PATTERN =
  /^(?:invalid|bad|incorrect|unknown|deleted|disabled|inactive)_client(?:_id|_secret|_credentials)?$/;

/**
 * Whether `error` says that the server did not recognise the client. The server has then not looked at the grant, since RFC 6749 sections
 * 4.1.3 and 6 authenticate the client first: a code or a refresh token can be sent again, if the server says so in words. For an idempotent
 * request, a 401 is enough, and so is a 400 or 403 without an OAuth error.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
export function isClientRefused(error: OAuthError, idempotent: boolean): boolean {
  const { code, status, error: said, error_description: description = '' } = error;
  if (said !== undefined && CLIENT_PATTERN.test(said)) return true;
  if (isClientMissing(error)) return true;
  if (said === 'invalid_request') return /client_(id|secret)/i.test(description);
  // Keycloak answers a wrong secret so, and Gitea with 400. Atlassian answers a refused refresh token so, and says it in the text.
  if (said === 'unauthorized_client')
    return (status === 401 || /client.?secret/i.test(description)) && !/refresh.?token/i.test(description);
  if (!idempotent) return false;
  return (status === 401 && said !== 'invalid_grant') || (code === 'http_error' && (status === 400 || status === 403));
}
