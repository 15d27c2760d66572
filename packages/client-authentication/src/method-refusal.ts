import type { OAuthError } from '@oa/types';
import type { AuthenticationTarget } from './authenticate-client.ts';
import { isClientMissing } from './client-missing.ts';
import { encodingMatters, isProvenMethod, needsEncoding, supportedMethods, type BuiltInMethod } from './methods.ts';
import { saysClientIsKnown, saysMethodIsRefused } from './refusal-words.ts';

/** How the server refused the client with one method. */
export interface MethodRefusal {
  method: BuiltInMethod;
  error: OAuthError;
  /** The body of the answer, where it is known. */
  body: string | undefined;
}

/** Whether the server says that it did not find the client in the request, or that it does not take the method. */
export function isMethodUnread(error: OAuthError, body: string | undefined): boolean {
  const { status = 0, error: said, error_description = '' } = error;
  if (isClientMissing(error, body)) return true;
  if (status < 400 || status > 499 || (said !== undefined && !/client|^invalid_request$/.test(said))) return false;
  return saysMethodIsRefused(error_description);
}

/**
 * Whether `method` can help after `refusals`, the first of which is that of the best method.
 *
 * - A server that did not read the client in `Authorization` gets it in the body, and not in `Authorization` again.
 * - A server that knows the client, or has taken the method before, refuses the secret.
 * - A server that does not list the secret in the body gets it there if it says that it misses the client, and also if it lists nothing and
 *   the encoding can be the reason for the refusal.
 */
export function isWorthTrying(
  method: BuiltInMethod,
  refusals: readonly MethodRefusal[],
  { server, client, url }: AuthenticationTarget,
): boolean {
  const isUnread = refusals.some(({ error, body }) => isMethodUnread(error, body));
  if (isUnread)
    return method === 'client_secret_post' || refusals.some((refusal) => refusal.method === 'client_secret_post');
  if (refusals.some((refusal) => isFinal(refusal, client.client_id))) return false;
  if (refusals.some((refusal) => isProvenMethod(server, client, url, refusal.method))) return false;
  if (method === 'client_secret_basic_unencoded')
    return !refusals.some((refusal) => refusal.method === 'client_secret_post' && refusal.error.code === 'oauth_error');
  // It is about the client, else it would be no refusal of the client.
  if (refusals.some(({ error }) => error.error === 'invalid_request')) return true;
  const supported = supportedMethods(server);
  return supported === undefined ? encodingMatters(client) : supported.includes('client_secret_post');
}

/** The server has read the identifier, which has no characters that it could read in another way. */
function isFinal({ error }: MethodRefusal, client_id: string): boolean {
  return !needsEncoding(client_id) && saysClientIsKnown(error.error_description ?? '');
}

/**
 * How much the server understood of a method: the client was not found in the request, or the method is not taken (0); no OAuth error, or
 * one about the request (1); a refusal of the client (2).
 */
export function understandingOf({ error, body }: MethodRefusal): number {
  if (isMethodUnread(error, body)) return 0;
  return error.code === 'oauth_error' && error.error !== 'invalid_request' ? 2 : 1;
}
