import type { OAuthEvent } from './event.ts';
import type { AuthorizationServer } from './metadata.ts';
import { isOAuthError, OAuthError } from './oauth-error.ts';
import { toErrorText } from './rfc.ts';

/** A resource can name the issuer, and with it the length of the addresses. */
const MAX_ADDRESS_CHARACTERS = 200;

/**
 * Runs `work`, which sends requests to `server`. If the endpoints of the server are guessed (`guessed_after`), the errors of `work` and the
 * event `retry` say so, with the metadata addresses that were asked.
 *
 * @example
 * ```ts
 * const client = await explainGuess(server, options, (explained) => postJson(endpoint, metadata, clientSchema, explained));
 * ```
 *
 * @param work gets `options`, with an `onEvent` that adds to the events
 * @returns what `work` returns
 * @throws {OAuthError} `http_error`, `network_error` or another code of `work`: the error keeps its code and members
 */
export async function explainGuess<T, O extends { onEvent?: ((event: OAuthEvent) => void) | undefined }>(
  server: AuthorizationServer,
  options: O,
  work: (options: O) => Promise<T>,
): Promise<T> {
  const { guessed_after } = server;
  const { onEvent } = options;
  if (guessed_after === undefined) return work(options);
  const explained =
    onEvent && ((event: OAuthEvent) => onEvent(event.type === 'retry' ? { ...event, guessed_after } : event));
  try {
    return await work({ ...options, onEvent: explained });
  } catch (error) {
    throw isOAuthError(error) ? toGuessError(error, guessed_after) : error;
  }
}

/** An error that is explained already, by an inner call, stays as it is. */
function toGuessError(error: OAuthError, asked: readonly string[]): OAuthError {
  const explanation = `No metadata at ${asked.map((url) => toErrorText(url, MAX_ADDRESS_CHARACTERS)).join(', ')}, so the conventional endpoints are guessed.`;
  if (error.message.includes(explanation)) return error;
  const what = error.message.replace(/ Check the address\.(?=$| The server asks to wait)/, '');
  // A server that answers with an OAuth error is one: the guess is right.
  const question = error.code === 'oauth_error' ? '' : ' Is the issuer complete (realm, tenant)?';
  return new OAuthError(error.code, `${explanation} ${what}${question}`, error);
}
