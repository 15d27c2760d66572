import { OAuthError } from '@oa/types';
import { expect, it } from 'vitest';

/** What a terminal, a log or a reader obeys: line breaks, escape sequences, text that runs backwards or is invisible. */
const PLANTED = [
  '\n2026-11-27 INFO token accepted',
  '\r\nSet-Cookie: a=b',
  '\u0085next line',
  '\u2028line',
  '\u2029paragraph',
  '\u001B[2J',
  '\u009B2J',
  '\u001B]0;title\u0007',
  '\u001B]8;;https://evil.example\u001B\\',
  '\u0000',
  '\b\b\b\b',
  '\u202Eelpmaxe',
  '\u2066isolated\u2069',
  '\u200F',
  '\u200B',
  '\uFEFF',
  '\u{E0041}',
];

it.each(PLANTED)('keeps %j out of every text of an error (RFC 6749 section 5.2)', (planted) => {
  const texts = { error: planted, error_description: planted, error_uri: planted };
  const error = new OAuthError('oauth_error', `The server publishes ${planted}. Check it.`, texts);
  for (const text of [error.message, error.error, error.error_description, error.error_uri, String(error)])
    expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  expect(error.message).toMatch(/^The server publishes .*\. Check it\.$/);
  expect(error.stack?.split('\n')[0]).toBe(`OAuthError: ${error.message}`);
});
