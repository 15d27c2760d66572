import { readError, type HttpResponse } from '@oa/http';
import { OAuthError } from '@oa/types';

/** Only the beginning of a text is searched: a refusal is short. */
const MAX_SEARCHED_CHARACTERS = 1000;

/** What servers without error codes write, as plain text or in a member of their own. */
const REFUSAL_TEXT =
  /invalid.?grant|(invalid|expired|revoked|unknown) refresh.?token|refresh.?token\W.{0,20}(invalid|expired|revoked|unknown)/i;

/** Reports a refused refresh token as `invalid_grant`: some servers answer with an empty 400 or 403, or with a sentence. */
export function assertNoRefusalWithoutCode(response: HttpResponse): void {
  const { status, text, headers } = response;
  const isEmpty = (status === 400 || status === 403) && text.trim() === '';
  const isSentence =
    status >= 400 &&
    status <= 403 &&
    readError(response)?.code === 'http_error' &&
    !/html/i.test(headers.get('content-type') ?? '') &&
    REFUSAL_TEXT.test(text.slice(0, MAX_SEARCHED_CHARACTERS));
  if (!isEmpty && !isSentence) return;
  const message = `The server refused the refresh token with status ${status} and without an error code. Log in again.`;
  throw new OAuthError('oauth_error', message, { error: 'invalid_grant', status });
}
