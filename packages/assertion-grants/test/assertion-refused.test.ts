import { isAssertionRefused } from '@oa/assertion-grants';
import { OAuthError } from '@oa/types';
import { JWT_BEARER_GRANT_TYPE, TOKEN_EXCHANGE_GRANT_TYPE } from '@oa/types/rfc';
import { expect, it } from 'vitest';

it.each([
  [JWT_BEARER_GRANT_TYPE, 'invalid_grant', undefined, true],
  [JWT_BEARER_GRANT_TYPE, 'invalid_request', 'the assertion is expired', false],
  [JWT_BEARER_GRANT_TYPE, 'invalid_client', undefined, false],
  [JWT_BEARER_GRANT_TYPE, undefined, undefined, false],
  [TOKEN_EXCHANGE_GRANT_TYPE, 'invalid_grant', undefined, true],
  [TOKEN_EXCHANGE_GRANT_TYPE, 'invalid_token', undefined, true],
  [TOKEN_EXCHANGE_GRANT_TYPE, 'invalid_request', undefined, true],
  [TOKEN_EXCHANGE_GRANT_TYPE, 'invalid_request', 'the subject_token has expired', true],
  [TOKEN_EXCHANGE_GRANT_TYPE, 'invalid_request', 'subject_token_type is missing', false],
  [TOKEN_EXCHANGE_GRANT_TYPE, 'invalid_scope', undefined, false],
])('%s: %s with the text %j is about the assertion: %s', (grant_type, error, error_description, expected) => {
  const refusal = new OAuthError('oauth_error', 'The server refused the request.', { error, error_description });
  expect(isAssertionRefused(refusal, grant_type)).toBe(expected);
});
