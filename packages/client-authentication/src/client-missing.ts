import type { OAuthError } from '@oa/types';
import { namesClientParameter, saysClientIsMissing } from './refusal-words.ts';

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
