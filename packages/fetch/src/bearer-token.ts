import { abortable } from '@oa/mechanisms';
import { OAuthError, type TokenSource } from '@oa/types';
import type { NextTokenOptions } from './refusal.ts';

/**
 * Asks `source` for an access token that can be written after `Bearer`. An abort ends the wait, even if `source` ignores the signal.
 *
 * @throws {OAuthError} `unsupported_token_type`, `invalid_response`
 */
export async function obtainBearerToken(
  source: TokenSource,
  signal: AbortSignal | null | undefined,
  options: NextTokenOptions,
): Promise<string> {
  signal?.throwIfAborted();
  const { access_token, token_type } = await abortable(source({ signal: signal ?? undefined, ...options }), signal);
  if (token_type.toLowerCase() === 'n_a')
    throw new OAuthError(
      'unsupported_token_type',
      'The token is no access token (token_type N_A, RFC 8693 section 2.2.1), so it is not sent to an API. Get an access token for it first, such as with jwtBearer or exchangeToken of @oa/assertion-grants.',
    );
  // RFC 6749 section 7.1: a client must not use a token whose type it does not understand.
  if (token_type.toLowerCase() !== 'bearer')
    throw new OAuthError(
      'unsupported_token_type',
      'The token is not a Bearer token, and @oa/fetch can send no other type. Ask the server for a Bearer token.',
    );
  // `Headers` would refuse it too, but its error shows the token.
  if (!/^[\x21-\x7e]+$/.test(access_token))
    throw new OAuthError(
      'invalid_response',
      'The access token is empty, or has characters that an HTTP header can not have. Check the token that the source returns.',
    );
  return access_token;
}
