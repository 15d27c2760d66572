import type { OAuthError } from '@oa/types';
import { namesClientParameter, saysClientIsMissing } from './refusal-words.ts';

/** Besides `invalid_client`: GitHub answers `incorrect_client_credentials`, Slack `bad_client_secret`, Google `deleted_client`. */
const CLIENT_PATTERN =
  /^(?:invalid|bad|incorrect|unknown|deleted|disabled|inactive)_client(?:_id|_secret|_credentials)?$/;

/** Statuses with which servers say that a parameter is missing. Slack reports every error with 200. */
const MISSING_STATUSES: ReadonlySet<number | undefined> = new Set([200, 400, 401, 403, 422]);
/** A server with one of these codes has recognised the client, or has not looked at it. Its text can name the client too. */
const OTHER_REASONS: ReadonlySet<string | undefined> = new Set([
  'invalid_grant',
  'invalid_scope',
  'invalid_target',
  'unauthorized_client',
  'unsupported_grant_type',
  'access_denied',
  'authorization_pending',
  'slow_down',
  'expired_token',
]);

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

/**
 * Whether `error` says, in any words, that the request does not name the client. The server then did not read the method that was used.
 *
 * @param body the body of the answer. Errors hold short texts only.
 */
export function isClientMissing({ status, error: said, error_description }: OAuthError, body = ''): boolean {
  // The MCP SDK for Python answers 401 unauthorized_client to a request without client_id.
  const isOther = OTHER_REASONS.has(said) && !(said === 'unauthorized_client' && status === 401);
  if (!MISSING_STATUSES.has(status) || isOther) return false;
  const text = `${said ?? ''}. ${error_description ?? ''}`;
  return saysClientIsMissing(`${text}. ${body}`) || namesClientParameter(text);
}
