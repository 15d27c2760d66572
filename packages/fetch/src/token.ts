import { OAuthError, type TokenSource } from '@oa/types';
import type { Need } from './challenge.ts';

/** Asks `source` for an access token that can be written after `Bearer`. An abort ends the wait, whatever `source` does. */
export async function bearerToken(
  source: TokenSource,
  signal: AbortSignal | null | undefined,
  need: Need,
): Promise<string> {
  signal?.throwIfAborted();
  const asked = source({ ...(signal && { signal }), ...need });
  const { access_token, token_type } = await (signal ? untilAborted(asked, signal) : asked);
  // RFC 6749 section 7.1: a client does not use a token whose type it does not understand.
  if (token_type.toLowerCase() !== 'bearer')
    throw new OAuthError(
      'unsupported_token_type',
      'The token is not a Bearer token, and no other kind can be sent by @oa/fetch. Ask the server for a Bearer token.',
    );
  // Headers would refuse it too, with an error that shows it.
  if (!/^[\x21-\x7e]+$/.test(access_token))
    throw new OAuthError(
      'invalid_response',
      'The access token is empty or has characters that no HTTP header may hold.',
    );
  return access_token;
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
